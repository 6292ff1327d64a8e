import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { CorruptObjectError, DvcError } from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { build } from "../data/build.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { ObjectDb } from "../odb/objectDb.ts";
import { freeName, QUARANTINE_FOLDER } from "../odb/quarantine.ts";
import type { RemoteDb } from "../odb/remoteDb.ts";
import { fetch, upload } from "../odb/transfer.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import { loadIndex } from "../repo/index.ts";
import { openRemote, remoteNameOf } from "../repo/remote.ts";
import type { Repo } from "../repo/repo.ts";
import { shownLocal } from "../repo/shown.ts";
import type { FsckFinding, FsckOptions } from "./fsckTypes.ts";
import { isThere } from "../fs/isThere.ts";

/** What repairing needs beside the findings. */
export type RepairOptions = Pick<FsckOptions, "from" | "jobs"> & CallOptions;

/**
 * Puts damaged objects of the cache into the quarantine, then brings in what is missing: from files of the workspace, other
 * caches, and remotes, the default one first. Every byte is hashed before it gets its name.
 * @returns the findings with what became of them.
 */
export async function repairCache(
  repo: Repo,
  cache: ObjectDb,
  findings: readonly FsckFinding[],
  options: RepairOptions,
): Promise<readonly FsckFinding[]> {
  const quarantined = new Map<string, string>();
  for (const { oid, problem, actual, detail } of findings) {
    const kept = problem === "missing" ? undefined : cache.setAside(oid, actual ?? detail ?? "unknown");
    if (kept !== undefined) quarantined.set(oid, shownLocal(repo, kept));
  }
  const sources = await bringIn(repo, cache, new Set(findings.map(({ oid }) => oid)), options);
  return findings.map((finding) => withFate(finding, quarantined.get(finding.oid), sources.get(finding.oid)));
}

/**
 * Sends sound copies of what is damaged or missing to a remote; they come from the cache, or from wherever the cache can be
 * repaired from. Damaged bytes are kept in the project's quarantine first. Files go before manifests.
 * @returns the findings with what became of them.
 */
export async function repairRemote(
  repo: Repo,
  remote: RemoteDb,
  findings: readonly FsckFinding[],
  options: RepairOptions,
): Promise<readonly FsckFinding[]> {
  const cache = cacheFor(repo, { name: remote.hashName, value: "" });
  const absent = findings.filter(({ oid }) => !cache.verify(oid)).map(({ oid }) => oid);
  const sources = await bringIn(repo, cache, new Set(absent), options, remote.name);
  const done = new Map<string, FsckFinding>();
  const filesFirst = [...findings].sort((a, b) => Number(isDirHash(a.oid)) - Number(isDirHash(b.oid)));
  for (const finding of filesFirst) {
    options.signal?.throwIfAborted();
    if (cache.sizeOf(finding.oid) === undefined) continue;
    try {
      const from = sources.get(finding.oid) ?? "the cache";
      done.set(finding.oid, await sendAgain(repo, cache, remote, finding, from, options));
    } catch (error) {
      if (!(error instanceof DvcError)) throw error;
      warn(options, `'${finding.where}' could not be repaired: ${error.message}`);
    }
  }
  return findings.map((finding) => done.get(finding.oid) ?? finding);
}

async function sendAgain(
  repo: Repo,
  cache: ObjectDb,
  remote: RemoteDb,
  finding: FsckFinding,
  from: string,
  options: RepairOptions,
): Promise<FsckFinding> {
  const { oid } = finding;
  if (finding.problem === "missing") {
    const isDir = isDirHash(oid);
    const want = { files: new Set(isDir ? [] : [oid]), dirs: new Set(isDir ? [oid] : []), onlyListed: true };
    const { transferred } = await upload(cache, remote, want, options);
    return transferred === 1 ? withFate(finding, undefined, from) : finding;
  }
  const kept = await keepDamaged(repo, remote, finding, options);
  const file = cache.pathOf(oid);
  const md5 = remote.hashName === "md5" || isDirHash(oid) ? { md5: oid.slice(0, 32) } : {};
  await remote.fs.write(remote.pathOf(oid), { file, size: statSync(file).size }, { ...options, ...md5 });
  return withFate(finding, kept, from);
}

/** The damaged bytes may be the only copy of something: they are fetched before they are replaced. */
async function keepDamaged(
  repo: Repo,
  remote: RemoteDb,
  { oid, problem }: FsckFinding,
  options: RepairOptions,
): Promise<string | undefined> {
  const to = freeName(join(repo.tmpDir, QUARANTINE_FOLDER, remote.name), oid);
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  try {
    await remote.fs.download(remote.pathOf(oid), to, signal);
    return shownLocal(repo, to);
  } catch (error) {
    // What can't be read at all can't be kept.
    if (problem === "unreadable" && error instanceof DvcError) return undefined;
    throw error;
  }
}

function withFate(finding: FsckFinding, quarantined: string | undefined, source: string | undefined): FsckFinding {
  return {
    ...finding,
    ...(quarantined === undefined ? {} : { quarantined }),
    ...(source === undefined ? {} : { repairedFrom: source }),
  };
}

/** Brings objects into the cache from wherever they are. @returns where each that was found came from */
async function bringIn(
  repo: Repo,
  cache: ObjectDb,
  oids: ReadonlySet<string>,
  options: RepairOptions,
  exceptRemote?: string,
): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  const left = new Set(oids);
  const note = (oid: string, source: string): void => {
    left.delete(oid);
    sources.set(oid, source);
  };
  try {
    await fromWorkspace(repo, cache, left, note, options);
    for (const place of options.from ?? []) fromCache(repo, cache, place, left, note);
  } finally {
    cache.flush();
  }
  for (const name of remotesInTurn(repo)) {
    if (left.size === 0) break;
    if (name !== exceptRemote) await fromRemote(repo, cache, name, left, note, options);
  }
  return sources;
}

type Note = (oid: string, source: string) => void;

/** Files of the workspace are copies of objects, unless they were edited: their bytes are hashed on the way. */
async function fromWorkspace(
  repo: Repo,
  cache: ObjectDb,
  left: Set<string>,
  note: Note,
  options: CallOptions,
): Promise<void> {
  if (cache.hashName !== "md5") return;
  for (const { out } of loadIndex(repo).outs) {
    if (left.size === 0) return;
    if (!out.useCache || !out.isLocal || out.hash === undefined || !isThere(out.path)) continue;
    const oid = out.hash.value;
    if (!isDirHash(oid)) {
      if (left.has(oid) && takeFile(cache, out.path, oid)) note(oid, shownLocal(repo, out.path));
      continue;
    }
    if (left.has(oid)) {
      const { hash, tree } = await build(out.path, { ...options, state: repo.state, ignore: repo.ignore });
      if (hash.value === oid && tree !== undefined) {
        cache.addTree(tree);
        note(oid, shownLocal(repo, out.path));
      }
    }
    for (const { md5, relpath } of cache.peekTree(oid) ?? []) {
      const path = join(out.path, relpath);
      if (left.has(md5) && takeFile(cache, path, md5)) note(md5, shownLocal(repo, path));
    }
  }
}

function takeFile(cache: ObjectDb, from: OsPath, oid: string): boolean {
  try {
    cache.addFile(from, oid);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof CorruptObjectError || code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR")
      return false;
    throw error;
  }
}

/** `place` is the folder of a cache, or a project with one at its usual place. */
function fromCache(repo: Repo, cache: ObjectDb, place: string, left: Set<string>, note: Note): void {
  const given = resolve(repo.env.cwd, place);
  const own = join(given, ".dvc", "cache");
  const other = new ObjectDb(isThere(own) ? own : given, { layout: cache.layout });
  for (const oid of [...left]) {
    if (other.sizeOf(oid) !== undefined && takeFile(cache, other.pathOf(oid), oid)) note(oid, other.root);
  }
}

/** The default one first. */
function remotesInTurn(repo: Repo): string[] {
  const first = remoteNameOf(repo);
  const names = repo.config.remoteNames();
  return first === undefined ? names : [first, ...names.filter((name) => name !== first)];
}

async function fromRemote(
  repo: Repo,
  cache: ObjectDb,
  name: string,
  left: Set<string>,
  note: Note,
  options: RepairOptions,
): Promise<void> {
  try {
    const remote = await openRemote(repo, name, { ...options, legacy: cache.layout === "legacy" });
    try {
      const dirs = new Set([...left].filter(isDirHash));
      const files = new Set([...left].filter((oid) => !isDirHash(oid)));
      await fetch(cache, remote, { files, dirs, onlyListed: true }, options);
    } finally {
      await remote.fs.close();
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof DvcError)) throw error;
    warn(options, `remote '${name}' could not be asked: ${error.message}`);
  }
  for (const oid of [...left]) if (cache.sizeOf(oid) !== undefined) note(oid, `remote '${name}'`);
}
