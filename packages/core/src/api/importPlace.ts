import { lstatSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, normalize, resolve } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import type { Built } from "../data/build.ts";
import { planCheckout } from "../data/checkout.ts";
import { checkStage } from "../pipeline/graph.ts";
import { type Dependency, type Output, type Stage, trackedOutput } from "../pipeline/stage.ts";
import { refuseGitTracked } from "../repo/gitContext.ts";
import { loadIndex } from "../repo/index.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import { refuseLinkedFolders } from "../repo/linkedFolders.ts";
import type { Repo } from "../repo/repo.ts";
import { readJournal } from "../repo/journal.ts";
import { Keeper } from "../repo/keep.ts";
import { applyNoted } from "../repo/noteData.ts";
import { shownLocal } from "../repo/shown.ts";
import { requireFolder } from "../repo/stageFolder.ts";
import { build } from "../data/build.ts";

/**
 * Where something that comes from elsewhere goes: `out`, in it when it is a folder, or the name that it has there.
 * @throws {DvcError} with DVC's text, code `exists`, when that is taken and not `force`.
 */
export function resolveOutput(cwd: OsPath, source: string, out: string | undefined, force: boolean): string {
  const name = basename(normalize(pathOfUrl(source)));
  const chosen = out === undefined || out === "" ? name : isFolder(resolve(cwd, out)) ? join(out, name) : out;
  const stat = statSync(resolve(cwd, chosen), { throwIfNoEntry: false });
  if (stat !== undefined && !force) {
    throw new DvcError(
      `The ${stat.isDirectory() ? "directory" : "file"} '${chosen}' already exists locally. \nTo override it, re-run with '--force'.`,
      { code: "exists" },
    );
  }
  return chosen;
}

/**
 * The same for an import. What a run of the same command left there that failed, or was killed, before it had written its `.dvc`
 * file is nobody's: the next one takes its place.
 * @param verb the command
 */
export function importOutput(
  repo: Repo,
  verb: string,
  source: string,
  out: string | undefined,
  force: boolean,
): string {
  const named = out === undefined || out === "" ? basename(normalize(pathOfUrl(source))) : normalize(out);
  const path = resolve(repo.env.cwd, named);
  if (isLeftover(repo, verb, path)) return named;
  return resolveOutput(repo.env.cwd, source, out, force);
}

function isLeftover(repo: Repo, verb: string, path: OsPath): boolean {
  const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined;
  if (!isThere || statSync(`${path}.dvc`, { throwIfNoEntry: false }) !== undefined) return false;
  for (const entry of readJournal(repo)) {
    const first = entry.steps.find((step) => step.kind === "data" && step.path === path);
    if (first?.kind === "data")
      return entry.verb === verb && !entry.isWhole && !entry.isUndone && first.before === null;
  }
  return false;
}

function pathOfUrl(source: string): string {
  const match = /^[a-z][a-z0-9+.-]+:\/\/[^/?#]*([^?#]*)/i.exec(source);
  return match === null ? source : (match[1] ?? "");
}

function isFolder(path: OsPath): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/**
 * The stage of a new import; nothing is written. Its `.dvc` file lies beside the output.
 * @throws {DvcError} with DVC's texts: no such folder, a name no output may have, ignored, outside, overlapping, in Git.
 */
export function newImport(repo: Repo, out: string, dependencies: (wdir: OsPath) => readonly Dependency[]): Stage {
  const path = resolve(repo.env.cwd, out);
  const base = basename(path);
  const isOutside = !isInside(repo.root, path);
  const wdir = isOutside ? repo.env.cwd : dirname(path);
  refuseLinkedFolders(repo, path);
  requireFolder(wdir);
  if (base === "dvc.yaml" || base.endsWith(".dvc")) throw new DvcError(`DVC file '${base}' cannot be an output.`);
  if (isOutside || isAbsolute(base)) {
    throw new DvcError(
      `Cached output(s) outside of DVC project: ${path}. See <https://dvc.org/doc/user-guide/data-management/importing-external-data> for more info.`,
    );
  }
  const ignored = repo.ignore.reason(path);
  if (ignored !== undefined) throw new DvcError(`Path '${path}' is ignored by\n${ignored}`);
  const output = trackedOutput(base, path);
  const stage: Stage = {
    file: join(wdir, `${base}.dvc`),
    name: undefined,
    wdir,
    cmd: undefined,
    lockedCmd: undefined,
    deps: dependencies(wdir),
    outs: [output],
    frozen: true,
    alwaysChanged: false,
    md5: undefined,
    desc: undefined,
    meta: undefined,
    isGenerated: false,
    isParametrized: false,
    usedVars: new Map(),
    isLocked: true,
  };
  checkOutputPath(repo, stage, output);
  checkStage(stage);
  loadIndex(repo).checkGraph([stage]);
  refuseGitTracked(repo, [path], (one) => shownLocal(repo, one));
  return stage;
}

/** The output as it is now recorded. */
export function withBuilt(out: Output, built: Pick<Built, "hash" | "meta">): Output {
  const { size, nfiles } = built.meta;
  const meta = { ...(size === undefined ? {} : { size }), ...(nfiles === undefined ? {} : { nfiles }) };
  const extra = Object.fromEntries(Object.entries(out.extra).filter(([key]) => key !== "cloud" && key !== "files"));
  return { ...out, hash: built.hash, hashName: "md5", meta, extra };
}

/** Keeps what lies at the output in the cache. @returns what it is; undefined for nothing, and for a broken link */
async function keepPresent(repo: Repo, out: Output, options: CallOptions): Promise<Built | undefined> {
  const { state, ignore, cache } = repo;
  if (statSync(out.path, { throwIfNoEntry: false }) === undefined) return undefined;
  return build(out.path, { ...options, state, ignore, store: cache });
}

/**
 * Takes the data out of the workspace, as DVC does when only the version is locked anew. It is kept in the cache, and what
 * can't be there (ignored files) in the trash.
 */
export async function removePresent(repo: Repo, out: Output, options: CallOptions): Promise<void> {
  const held = await keepPresent(repo, out, options);
  if (lstatSync(out.path, { throwIfNoEntry: false }) === undefined) return;
  const keeper = new Keeper(repo, "import");
  try {
    keeper.drop(out.path, held);
  } finally {
    keeper.finish();
  }
}

/** Puts what is in the cache into the workspace. What it replaces is kept in the cache. */
export async function placeBuilt(repo: Repo, out: Output, built: Built, options: CallOptions): Promise<void> {
  const { state, ignore, cache } = repo;
  await keepPresent(repo, out, options);
  const { tree, hash, meta } = built;
  const plan = planCheckout(
    [
      {
        path: out.path,
        hash,
        meta: withBuilt(out, { hash, meta }).meta,
        ...(tree === undefined ? {} : { tree }),
        key: out,
      },
    ],
    { ...options, root: repo.root, cache, state, ignore, force: true },
  );
  await applyNoted(repo, [plan], options);
  const [missing] = plan.missing;
  if (missing !== undefined) throw new DvcError(`objects of '${out.defPath}' are missing`, { code: "missing-object" });
  state.save();
}
