import { appendFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { writeFileAtomic } from "../fs/atomic.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { readBounded } from "../fs/readBounded.ts";
import type { HashInfo } from "../hash/hashInfo.ts";
import { md5Bytes } from "../hash/md5.ts";
import { isImport } from "../pipeline/stage.ts";
import type { StageOutput } from "./dataRoots.ts";
import { isInCache } from "./presentState.ts";
import type { Repo } from "./repo.ts";

const LINE = /^([0-9a-f]{32}) ([0-9a-f]{32}(?:\.dir)?)$/;
/** A longer file is not ours (bytes). */
const MAX_BYTES = 16 << 20;
/** Notes that stay when there are too many: the newest. */
const KEPT_NOTES = 50_000;
const known = new WeakMap<Repo, Map<string, string>>();

/**
 * Notes what the source of an import held that records no hash of its data (`--no-download`): the cache can be asked for it later.
 * Without this file, which is this clone's alone, the source is asked again.
 */
export function noteBrought(repo: Repo, one: StageOutput, { value }: HashInfo): void {
  const key = keyOf(one);
  const notes = notesOf(repo);
  if (key === undefined || notes.get(key) === value) return;
  makeFolders(repo.siteDir);
  notes.delete(key);
  notes.set(key, value);
  const file = fileOf(repo);
  appendFileSync(file, `${key} ${value}\n`);
  if (statSync(file).size > MAX_BYTES / 2)
    writeFileAtomic(
      file,
      [...notes]
        .slice(-KEPT_NOTES)
        .map((note) => `${note.join(" ")}\n`)
        .join(""),
      { noSync: true },
    );
}

/** What was brought of such an import as it is locked now; undefined when nothing was. It need not be in the cache any more. */
export function broughtHash(repo: Repo, one: StageOutput): HashInfo | undefined {
  const key = keyOf(one);
  const value = key === undefined ? undefined : notesOf(repo).get(key);
  return value === undefined ? undefined : { name: "md5", value };
}

/** The same, when the cache has it whole. */
export function broughtImport(repo: Repo, one: StageOutput): HashInfo | undefined {
  const hash = broughtHash(repo, one);
  return hash !== undefined && isInCache(repo, hash) ? hash : undefined;
}

/** Of all that says which data it is; undefined for what is no such import, and where the source tells no checksum. */
function keyOf({ stage, out }: StageOutput): string | undefined {
  if (out.hash !== undefined || !isImport(stage)) return undefined;
  const [dep] = stage.deps;
  if (dep?.kind === "file" && dep.hash !== undefined) return key([dep.defPath, dep.hash, dep.meta, dep.extra]);
  if (dep?.kind === "repo" && dep.repo.revLock !== undefined) return key([dep.defPath, dep.repo]);
  return undefined;
}

function key(parts: readonly unknown[]): string {
  return md5Bytes(Buffer.from(JSON.stringify(parts)));
}

function notesOf(repo: Repo): Map<string, string> {
  let found = known.get(repo);
  if (found === undefined) {
    found = readNotes(fileOf(repo));
    known.set(repo, found);
  }
  return found;
}

/** Of two notes of the same the later one counts. */
function readNotes(file: OsPath): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of readBounded(file, MAX_BYTES, "latin1")?.split("\n") ?? []) {
    const [, noted, oid] = LINE.exec(line) ?? [];
    if (noted === undefined || oid === undefined) continue;
    found.delete(noted); // the newest last
    found.set(noted, oid);
  }
  return found;
}

function fileOf(repo: Repo): OsPath {
  return join(repo.siteDir, "imports");
}
