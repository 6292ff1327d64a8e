import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import type { OsPath } from "../base/paths.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { readBounded } from "../fs/readBounded.ts";
import type { Repo } from "./repo.ts";

const LINE = /^([0-9a-f]{32}(?:\.dir)?) (\d{1,12})$/;
/** A longer file is not ours (bytes). */
const MAX_BYTES = 16 << 20;
/** Files below `.dvc/tmp`, this clone's alone. */
const PURGED = "purged";
const COLLECTED = "collected";
type RecordName = typeof PURGED | typeof COLLECTED;

const known = new WeakMap<Repo, Map<RecordName, ReadonlyMap<string, number>>>();

/**
 * Notes the hashes of outputs that `purge` is about to remove everywhere, so that nobody misses them later. Without this file,
 * which is this clone's alone, they count as lost.
 */
export function notePurged(repo: Repo, oids: readonly string[]): void {
  append(repo, PURGED, oids);
}

/** Whether what a commit records was purged: that commit is no younger than the purge. What was added again later counts as lost. */
export function wasPurged(repo: Repo, oid: string, commit: string): boolean {
  return isNoted(repo, PURGED, oid, commit);
}

/**
 * Notes the manifests that a `gc` of this project took away. To this project they count as lost all the same; who shares its cache
 * needs nothing of them any more.
 */
export function noteCollected(repo: Repo, oids: readonly string[]): void {
  append(repo, COLLECTED, oids);
}

/** Whether the project itself let go of what one of its commits records; as {@link wasPurged}. */
export function wasCollected(repo: Repo, oid: string, commit: string): boolean {
  return isNoted(repo, COLLECTED, oid, commit);
}

function append(repo: Repo, name: RecordName, oids: readonly string[]): void {
  if (oids.length === 0) return;
  makeFolders(repo.tmpDir);
  const now = String(Math.floor(systemClock.now() / 1000));
  known.delete(repo);
  appendFileSync(join(repo.tmpDir, name), oids.map((oid) => `${oid} ${now}\n`).join(""));
}

function isNoted(repo: Repo, name: RecordName, oid: string, commit: string): boolean {
  const at = notedIn(repo, name).get(oid);
  if (at === undefined || repo.git === undefined) return false;
  const { code, stdout } = repo.git.run(["show", "-s", "--format=%ct", commit, "--"], { allow: [0, 128] });
  const made = Number(stdout.toString("latin1").trim());
  return code === 0 && made > 0 && made <= at;
}

/** The hashes that were noted, each with the last time in seconds since the epoch. */
function notedIn(repo: Repo, name: RecordName): ReadonlyMap<string, number> {
  const files = known.get(repo) ?? new Map<RecordName, ReadonlyMap<string, number>>();
  known.set(repo, files);
  const found = files.get(name) ?? readRecord(join(repo.tmpDir, name));
  files.set(name, found);
  return found;
}

function readRecord(file: OsPath): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of readBounded(file, MAX_BYTES, "latin1")?.split("\n") ?? []) {
    const [, oid, at] = LINE.exec(line) ?? [];
    if (oid !== undefined) found.set(oid, Number(at));
  }
  return found;
}
