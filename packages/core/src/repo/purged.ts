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
const known = new WeakMap<Repo, ReadonlyMap<string, number>>();

/**
 * Notes the hashes of outputs that `purge` is about to remove everywhere, so that nobody misses them later. Without this file,
 * which is this clone's alone, they count as lost.
 */
export function notePurged(repo: Repo, oids: readonly string[]): void {
  if (oids.length === 0) return;
  makeFolders(repo.tmpDir);
  const now = String(Math.floor(systemClock.now() / 1000));
  known.delete(repo);
  appendFileSync(fileOf(repo), oids.map((oid) => `${oid} ${now}\n`).join(""));
}

/** Whether what a commit records was purged: that commit is no younger than the purge. What was added again later counts as lost. */
export function wasPurged(repo: Repo, oid: string, commit: string): boolean {
  const at = purgesOf(repo).get(oid);
  if (at === undefined || repo.git === undefined) return false;
  const { code, stdout } = repo.git.run(["show", "-s", "--format=%ct", commit, "--"], { allow: [0, 128] });
  const made = Number(stdout.toString("latin1").trim());
  return code === 0 && made > 0 && made <= at;
}

/** The hashes that were purged, with the time of the last purge in seconds since the epoch. */
function purgesOf(repo: Repo): ReadonlyMap<string, number> {
  let found = known.get(repo);
  if (found === undefined) {
    found = readPurges(fileOf(repo));
    known.set(repo, found);
  }
  return found;
}

function readPurges(file: OsPath): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of readBounded(file, MAX_BYTES, "latin1")?.split("\n") ?? []) {
    const [, oid, at] = LINE.exec(line) ?? [];
    if (oid !== undefined) found.set(oid, Number(at));
  }
  return found;
}

function fileOf(repo: Repo): OsPath {
  return join(repo.tmpDir, "purged");
}
