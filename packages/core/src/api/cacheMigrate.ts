import { linkSync, rmSync } from "node:fs";
import { relative } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { info } from "../base/events.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { md5File } from "../hash/md5.ts";
import { Tree } from "../odb/tree.ts";
import { saveStages } from "../pipeline/save.ts";
import { isImport, type Output, type Stage } from "../pipeline/stage.ts";
import { type GitContext, refuseGitTracked, withGitContext } from "../repo/gitContext.ts";
import { loadIndex } from "../repo/index.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { shownLocal, viewOf } from "../repo/shown.ts";
import { hashPath, recordOutput } from "./recordOutput.ts";

export interface MigrateOptions extends CallOptions {
  /** Rewrite the entries of stage files too. */
  readonly dvcFiles?: boolean;
  readonly dry?: boolean;
}

/** `objects`: migrated (or that would be). `files`: stage files rewritten (or that would be), relative to the working folder. */
export interface MigrateResult {
  readonly objects: number;
  readonly files: readonly string[];
}

/**
 * Brings objects of DVC 2.x into the 3.x layout under their raw md5, linked where the file system allows it; the old
 * objects stay, older revisions need them.
 */
export async function migrateCache(repo: Repo, options: MigrateOptions = {}): Promise<MigrateResult> {
  return changeRepo(repo, "cache migrate", options, () =>
    withGitContext(repo, options, async (context) => {
      const objects = migrateObjects(repo, options);
      const files = options.dvcFiles === true ? await migrateStageFiles(repo, context, options) : [];
      return { objects, files };
    }),
  );
}

function migrateObjects(repo: Repo, options: MigrateOptions): number {
  const { legacyCache, cache } = repo;
  const oids = [...legacyCache.names()];
  if (options.dry === true) {
    info(options, `${String(oids.length)} files will be re-hashed and migrated to the DVC 3.0 cache location.`);
    return oids.length;
  }
  const newOids = new Map<string, string>();
  let count = 0;
  try {
    for (const oid of oids.filter((one) => !isDirHash(one))) {
      options.signal?.throwIfAborted();
      const path = legacyCache.pathOf(oid);
      const { md5 } = md5File(path);
      if (shareObject(repo, path, md5)) count++;
      newOids.set(oid, md5);
    }
  } finally {
    cache.flush();
  }
  for (const oid of oids.filter(isDirHash)) if (migrateManifest(repo, oid, newOids)) count++;
  cache.flush();
  info(options, `Migrated ${String(count)} files to DVC 3.0 cache location.`);
  return count;
}

/** Gives the bytes a second name in the 3.x layout, by a hard link where that works. False when it was there. */
function shareObject(repo: Repo, path: string, md5: string): boolean {
  if (repo.cache.check(md5) === "ok") return false;
  const temporary = repo.cache.temporaryFor(md5);
  try {
    linkSync(path, temporary);
  } catch {
    repo.cache.addFile(path, md5);
    return true;
  }
  try {
    repo.cache.adopt(temporary, md5, true);
  } finally {
    rmSync(temporary, { force: true });
  }
  return true;
}

/** A manifest whose files are all known is rewritten with their new hashes. False when it is not, or was there. */
function migrateManifest(repo: Repo, oid: string, newOids: ReadonlyMap<string, string>): boolean {
  const tree = repo.legacyCache.readTree(oid);
  if (tree === undefined) return false;
  const entries = tree.entries.map((entry) => ({ relpath: entry.relpath, md5: newOids.get(entry.md5) ?? "" }));
  if (entries.some((entry) => entry.md5 === "")) return false;
  const migrated = Tree.from(entries);
  if (repo.cache.check(migrated.oid) === "ok") return false;
  repo.cache.addTree(migrated);
  return true;
}

function isLegacy(stage: Stage): boolean {
  return (
    stage.outs.some((out) => out.hash?.name === "md5-dos2unix") ||
    (!isImport(stage) &&
      stage.deps.some((dep) => dep.kind === "file" && dep.isLocal && dep.hash?.name === "md5-dos2unix"))
  );
}

async function migrateStageFiles(repo: Repo, context: GitContext, options: MigrateOptions): Promise<string[]> {
  const stages = loadIndex(repo).stages.filter(isLegacy);
  const files = [...new Set(stages.map((stage) => stage.file))];
  if (files.length === 0) {
    info(options, "No DVC files in the repo to migrate to the 3.0 format.");
    return [];
  }
  const shown = (file: string): string => relative(repo.env.cwd, file);
  if (options.dry === true) {
    const lines = files.map((file) =>
      file.endsWith(".yaml") ? `\t${shown(file)} (${shown(file.replace(/\.yaml$/, ".lock"))})` : `\t${shown(file)}`,
    );
    info(options, "Entries in following DVC files will be migrated to the 3.0 format:");
    info(options, lines.sort().join("\n"));
    return files.map(shown);
  }
  const paths = stages.flatMap(({ outs }) =>
    outs.filter((out) => out.useCache && out.isInRepo).map(({ path }) => path),
  );
  refuseGitTracked(repo, paths, (path) => shownLocal(repo, path));
  for (const stage of stages) {
    if (stage.name === undefined) info(options, `Updating DVC file '${shown(stage.file)}'`);
    const migrated = await migratedStage(repo, stage, options);
    for (const out of migrated.outs) if (out.useCache && out.isInRepo) context.ignore(out.path);
    saveStages([migrated], viewOf(repo, options));
    context.track(stage.name === undefined ? stage.file : stage.file.replace(/\.yaml$/, ".lock"));
  }
  return files.map(shown);
}

async function migratedStage(repo: Repo, stage: Stage, options: MigrateOptions): Promise<Stage> {
  const outs: Output[] = [];
  for (const out of stage.outs) {
    const isThere = out.isLocal && out.hash?.name === "md5-dos2unix" && repo.workspace.exists(out.path);
    if (!isThere) outs.push(out);
    else
      outs.push(
        (
          await recordOutput(
            repo,
            { ...out, hash: undefined, hashName: "md5" },
            { ...options, stage, store: out.useCache },
          )
        ).out,
      );
  }
  const deps = [];
  for (const dep of stage.deps) {
    const isThere =
      dep.kind === "file" && dep.isLocal && dep.hash?.name === "md5-dos2unix" && repo.workspace.exists(dep.path);
    if (!isThere || isImport(stage)) deps.push(dep);
    else {
      const built = await hashPath(repo, dep.path, "md5", options);
      deps.push({ ...dep, hash: built.hash, hashName: "md5" as const, meta: built.meta });
    }
  }
  return { ...stage, outs, deps };
}
