import { lstatSync } from "node:fs";
import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { type OsPath, posixRelative } from "../base/paths.ts";
import { type Built, build } from "../data/build.ts";
import { applyPlan, planCheckout } from "../data/checkout.ts";
import { freeEditedLinks } from "../data/editedLinks.ts";
import { recordLink } from "../data/unusedLinks.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import type { Meta } from "../odb/meta.ts";
import { Tree } from "../odb/tree.ts";
import type { Output, Stage } from "../pipeline/stage.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import { readManifest } from "../repo/manifests.ts";
import type { Repo } from "../repo/repo.ts";
import { shownPath } from "../repo/shown.ts";
import { withVersions } from "../repo/versionRecords.ts";
import { isThere } from "../fs/isThere.ts";

/** `store`: put the bytes into the cache. `within`: only this part of a tracked folder. */
export interface RecordOptions extends CallOptions {
  readonly store: boolean;
  /** Whose output it is. */
  readonly stage: Stage;
  readonly within?: OsPath;
  /** False: the part gets no manifest of its own in the cache. */
  readonly storeManifest?: boolean;
}

/** An output with the hash of what is in the workspace, and what was built to get it. */
export interface Recorded {
  readonly out: Output;
  readonly built: Built | undefined;
}

/** Reads the manifest of an output recorded as a folder; undefined when it is no folder or the manifest is not in the cache. */
export function treeOf(repo: Repo, out: Output): Tree | undefined {
  if (out.hash === undefined || !isDirHash(out.hash.value)) return undefined;
  return cacheFor(repo, out.hash).readTree(out.hash.value);
}

/**
 * Hashes an output as it is in the workspace and, when asked, stores its bytes: first the files, then the manifest.
 * A 2.x output keeps its legacy hash as long as its content is unchanged.
 * @throws {DvcError} when the output is not there, or is neither a file nor a folder.
 */
export async function recordOutput(repo: Repo, out: Output, options: RecordOptions): Promise<Recorded> {
  if (options.within !== undefined && options.within !== out.path)
    return recordWithin(repo, out, options.within, options);
  requireFileOrFolder(repo, out);
  const hashName = await hashNameFor(repo, out, options);
  const built = await hashPath(repo, out.path, hashName, options);
  const { tree: _old, ...rest } = out;
  const recorded = { ...rest, hash: built.hash, hashName, meta: built.meta };
  return { out: withVersions(repo, out, recorded, built.tree), built };
}

/** Hashes (and stores) one path with the repository's state, ignore rules and cache. */
export async function hashPath(
  repo: Repo,
  path: OsPath,
  hashName: "md5" | "md5-dos2unix",
  options: CallOptions & { store?: boolean; storeManifest?: boolean },
): Promise<Built> {
  const { store, signal, reporter, storeManifest } = options;
  const cache = store === true ? cacheFor(repo, { name: hashName, value: "" }) : undefined;
  if (cache?.linkTypes.includes("symlink") === true) freeEditedLinks(path, cache.folder);
  return build(path, {
    ...(signal === undefined ? {} : { signal }),
    ...(reporter === undefined ? {} : { reporter }),
    state: repo.state,
    ignore: repo.ignore,
    hashName,
    storeManifest,
    ...(cache === undefined ? {} : { store: cache }),
  });
}

async function hashNameFor(repo: Repo, out: Output, options: RecordOptions): Promise<"md5" | "md5-dos2unix"> {
  if (out.hash?.name !== "md5-dos2unix") return "md5";
  const legacy = await hashPath(repo, out.path, "md5-dos2unix", { ...options, store: false });
  return legacy.hash.value === out.hash.value ? "md5-dos2unix" : "md5";
}

function requireFileOrFolder(repo: Repo, out: Output): void {
  if (isThere(out.path)) return;
  const isBrokenLink = lstatSync(out.path, { throwIfNoEntry: false }) !== undefined;
  const text = isBrokenLink
    ? `[Errno 2] No such file or directory: '${out.path}'`
    : `output '${shownPath(repo, out)}' does not exist`;
  throw new DvcError(text, { code: "not-found" });
}

/**
 * Records only a part of a tracked folder: the manifest is patched, the rest of the folder stays as recorded.
 * The size is summed when files were only added, kept when nothing changed, and left out otherwise, as DVC does.
 */
async function recordWithin(repo: Repo, out: Output, path: OsPath, options: RecordOptions): Promise<Recorded> {
  const shown = shownPath(repo, out);
  if (out.hash !== undefined && !isDirHash(out.hash.value)) {
    throw new DvcError(`Cannot modify '${shown}' which is being tracked as a file`);
  }
  if (out.hash?.name === "md5-dos2unix") {
    throw new DvcError(`Cannot record a part of '${shown}': its files have hashes of DVC 2`, {
      hint: `Record all of it: ${repo.env.programName} add ${shown}`,
    });
  }
  const before =
    out.hash === undefined
      ? Tree.from([])
      : ((await readManifest(repo, { stage: options.stage, out }, options)) ?? (await neverStored(repo, out, options)));
  if (before === undefined) {
    throw new DvcError(`could not read '${out.hash?.value ?? ""}'`, {
      code: "missing-object",
      hint: `Get the manifest of '${shown}' first: ${repo.env.programName} fetch ${shown}`,
    });
  }
  const rel = posixRelative(out.path, path);
  const built =
    lstatSync(path, { throwIfNoEntry: false }) === undefined ? undefined : await hashPath(repo, path, "md5", options);
  if (built === undefined) refuseUnknown(before, rel, path, repo, out);
  const after = before.with({ remove: [rel], put: built === undefined ? [] : entriesOf(built, rel) });
  if (options.store) {
    repo.cache.addTree(after);
    repo.cache.flush();
  }
  const grew = before.get(rel) === undefined && before.under(rel).length === 0;
  const meta = sizeAfter(out, after, grew ? built?.meta.size : undefined);
  const { tree: _old, ...rest } = out;
  const recorded = { ...rest, hash: { name: "md5", value: after.oid }, hashName: "md5", meta } as const;
  return { out: withVersions(repo, out, recorded, after), built };
}

/** After `add --no-commit` the manifest is nowhere, but the folder may still be what was recorded. */
async function neverStored(repo: Repo, out: Output, options: CallOptions): Promise<Tree | undefined> {
  if (!isThere(out.path)) return undefined;
  const { hash, tree } = await hashPath(repo, out.path, "md5", { ...options, store: false });
  return hash.value === out.hash?.value ? tree : undefined;
}

function refuseUnknown(before: Tree, rel: string, path: OsPath, repo: Repo, out: Output): void {
  if (!isThere(out.path)) throw new DvcError(`output '${shownPath(repo, out)}' does not exist`, { code: "not-found" });
  if (before.get(rel) === undefined && before.under(rel).length === 0) {
    throw new DvcError(`[Errno 2] No such file or directory: '${path}'`, { code: "not-found" });
  }
}

function entriesOf(built: Built, rel: string): { relpath: string; md5: string; size?: number }[] {
  if (built.tree === undefined)
    return [
      { relpath: rel, md5: built.hash.value, ...(built.meta.size === undefined ? {} : { size: built.meta.size }) },
    ];
  return built.tree.entries.map((entry) => ({ ...entry, relpath: `${rel}/${entry.relpath}` }));
}

function sizeAfter(out: Output, after: Tree, addedSize: number | undefined): Meta {
  const nfiles = after.entries.length;
  const { size } = out.meta;
  if (after.oid === out.hash?.value) return size === undefined ? { nfiles } : { size, nfiles };
  if (size !== undefined && size !== 0 && addedSize !== undefined) return { size: size + addedSize, nfiles };
  return { nfiles };
}

/**
 * Replaces what is in the workspace by links to the cache, by the configured link types. Does nothing where the type is
 * a copy and the path is already a plain file or folder of its own.
 */
export async function relinkOutput(
  repo: Repo,
  out: Output,
  built: Built | undefined,
  within: OsPath | undefined,
  options: CallOptions,
): Promise<void> {
  if (out.hash === undefined || built === undefined || !out.useCache) return;
  // A copy that is already there needs nothing; linked files of the user become copies of their own.
  const [first = "copy", second = "copy"] = cacheFor(repo, built.hash).linkTypes;
  const isCopy = first === "copy" || (first === "reflink" && second === "copy");
  if (isCopy && !built.hasLinks) {
    if (within === undefined) recordLink(repo.root, out.path, built.hash.value, repo.state);
    return;
  }
  const path = within ?? out.path;
  const plan = planCheckout(
    [
      {
        path,
        hash: built.hash,
        meta: { ...built.meta, ...(out.meta.isexec === true ? { isexec: true } : {}) },
        ...(built.tree === undefined ? {} : { tree: built.tree }),
        key: path,
      },
    ],
    {
      ...options,
      root: repo.root,
      cache: cacheFor(repo, built.hash),
      state: repo.state,
      ignore: repo.ignore,
      relink: true,
    },
  );
  await applyPlan(plan, options);
}
