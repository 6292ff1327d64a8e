import { existsSync, lstatSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { OsPath, RelPath } from "../../base/paths.ts";

/** What a file or folder holds, told by reading it, not by asking the program under proof. */
export interface Snapshot {
  /** Relative path ("" for a single file) to the MD5 of its bytes. */
  readonly files: ReadonlyMap<RelPath, string>;
  readonly bytes: number;
}

/** Reads every byte below `path`. */
export async function takeSnapshot(path: OsPath): Promise<Snapshot> {
  const { createHash } = await import("node:crypto");
  const files = new Map<RelPath, string>();
  let bytes = 0;
  const visit = (at: OsPath, rel: RelPath): void => {
    if (lstatSync(at).isDirectory()) {
      for (const name of readdirSync(at).sort()) visit(join(at, name), rel === "" ? name : `${rel}/${name}`);
      return;
    }
    const content = readFileSync(at);
    bytes += content.length;
    files.set(rel, createHash("md5").update(content).digest("hex"));
  };
  visit(path, "");
  return { files, bytes };
}

/** Whether two snapshots hold the same files with the same bytes. */
export function sameSnapshot(a: Snapshot, b: Snapshot): boolean {
  return a.files.size === b.files.size && [...a.files].every(([rel, md5]) => b.files.get(rel) === md5);
}

/** Every object of a cache or of a folder remote: hash (with ".dir") to path. A missing folder holds none. */
export function listObjects(root: OsPath): Map<string, OsPath> {
  const objects = new Map<string, OsPath>();
  const top = join(root, "files", "md5");
  if (!existsSync(top)) return objects;
  for (const prefix of readdirSync(top)) {
    for (const rest of readdirSync(join(top, prefix))) objects.set(prefix + rest, join(top, prefix, rest));
  }
  return objects;
}

/** Objects whose bytes do not have the hash in their name. */
export async function findDamaged(objects: ReadonlyMap<string, OsPath>): Promise<string[]> {
  const { createHash } = await import("node:crypto");
  const right = (oid: string, path: OsPath): boolean =>
    createHash("md5").update(readFileSync(path)).digest("hex") === oid.replace(/\.dir$/, "");
  return [...objects].filter(([oid, path]) => !right(oid, path)).map(([oid]) => oid);
}

/** The hash that a pointer file names. */
export function pointerHash(pointer: OsPath): string | undefined {
  return /^- md5: ([0-9a-f]{32}(?:\.dir)?)$/m.exec(readFileSync(pointer, "utf8"))?.[1];
}

/** Whether the manifest with this hash lists exactly the files of `snapshot`. */
export function manifestMatches(objects: ReadonlyMap<string, OsPath>, oid: string, snapshot: Snapshot): boolean {
  const path = objects.get(oid);
  if (path === undefined) return false;
  const entries = JSON.parse(readFileSync(path, "utf8")) as { md5: string; relpath: string }[];
  const listed = new Map(entries.map((entry) => [entry.relpath, entry.md5]));
  return sameSnapshot({ files: listed, bytes: 0 }, snapshot);
}

/** "1,002 files, 1.4 MB". */
export function describeSnapshot(snapshot: Snapshot): string {
  const count = snapshot.files.size;
  return `${count.toLocaleString("en")} ${count === 1 ? "file" : "files"}, ${describeBytes(snapshot.bytes)}`;
}

/** Bytes with a decimal unit. */
export function describeBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
