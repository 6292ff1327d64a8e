/** Whether Git would give these bytes that id. Git itself compares them in few places. */
export function isBlob(bytes: Uint8Array, id: string): boolean {
  const { createHash } = process.getBuiltinModule("node:crypto");
  const hash = createHash(id.length === 64 ? "sha256" : "sha1");
  return (
    hash
      .update(`blob ${String(bytes.length)}\0`)
      .update(bytes)
      .digest("hex") === id
  );
}
