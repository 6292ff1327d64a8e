import { ScmError } from "../base/errors.ts";

/** For a file of a commit that Git does not have as it should. `done`: what became of the command. */
export function damagedBlob(path: string, id: string, done: string): ScmError {
  return new ScmError(`Git's copy of '${path}' (${id}) is missing or damaged`, {
    code: "corrupt-object",
    hint: `${done} Get it from another clone of the repository; 'git fsck' says what else is damaged.`,
  });
}

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
