import type { ReadOptions } from "./filesystem.ts";

/** `bucket/key` of an object store taken apart; a bucket alone has the key "". */
export function splitPath(path: string): { readonly bucket: string; readonly key: string } {
  const slash = path.indexOf("/");
  return slash === -1 ? { bucket: path, key: "" } : { bucket: path.slice(0, slash), key: path.slice(slash + 1) };
}

/** The `range` header, when a part is asked for. */
export function rangeHeaders({ start, end }: ReadOptions): Record<string, string> {
  if (start === undefined && end === undefined) return {};
  return { range: `bytes=${String(start ?? 0)}-${end === undefined ? "" : String(end - 1)}` };
}

/** Whether no byte is asked for, which HTTP cannot say. */
export function isEmptyRange({ start, end }: ReadOptions): boolean {
  return end !== undefined && end <= (start ?? 0);
}
