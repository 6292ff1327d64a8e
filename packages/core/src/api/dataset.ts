import { resolve } from "node:path";
import { DvcError, UsageError } from "../base/errors.ts";
import { closeMatch } from "../base/closeMatch.ts";
import { type CallOptions, info } from "../base/events.ts";
import { mapBounded } from "../base/pool.ts";
import { isRecord, pyEquals } from "../formats/pyValues.ts";
import type { Info } from "../fs/filesystem.ts";
import { type Dataset, datasetLockData, entryText, type DatasetSpec, datasetSpecData } from "../pipeline/dataset.ts";
import type { Entry } from "../pipeline/record.ts";
import { saveDataset } from "../pipeline/saveDataset.ts";
import { loadDatasets, type PlacedDataset, requireDataset } from "../repo/datasets.ts";
import { openExternal } from "../repo/externalRepo.ts";
import { withGitContext } from "../repo/gitContext.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { shownLocal, viewOf } from "../repo/shown.ts";
import { lockOf } from "./import.ts";
import { filesAt, openUrl, type UrlPlace } from "./urlSource.ts";

/** Where a new data set is: exactly one of `dvc`, `url` and `dc`. */
export interface DatasetAddOptions extends CallOptions {
  /** Path or URL of a repository. */
  readonly dvc?: string;
  /** A file or folder on a storage that keeps versions. */
  readonly url?: string;
  /** A name of DataChain's. */
  readonly dc?: string;
  /** With `dvc`: a revision. */
  readonly rev?: string;
  /** With `dvc`: a file or folder in the repository. */
  readonly path?: string;
  /** Replace the data set of this name. */
  readonly force?: boolean;
}

/** What is recorded of a data set, by DVC's names. */
export interface DatasetRecord {
  readonly name: string;
  readonly spec: Entry;
  readonly lock: Entry;
}

/** What an update changed; `before` is missing when nothing was recorded, or of another place. */
export interface DatasetUpdate extends DatasetRecord {
  readonly before: Entry | undefined;
  readonly isChanged: boolean;
  /** Files of a data set by URL, sorted. */
  readonly modified: readonly string[];
  readonly added: readonly string[];
  readonly deleted: readonly string[];
}

/**
 * Adds a data set to the dvc.yaml of the working folder and records what it is now in dvc.lock.
 * @throws {UsageError} for options that exclude each other, {DvcError} with DVC's texts.
 * @example await addDataset(repo, "cats", { dvc: "https://example.com/registry.git", path: "cats", rev: "v1" })
 */
export function addDataset(repo: Repo, name: string, options: DatasetAddOptions): Promise<DatasetRecord> {
  if (options.dvc === undefined && options.rev !== undefined) throw new UsageError("--rev can't be used without --dvc");
  if (options.dvc === undefined && options.path !== undefined)
    throw new UsageError("--path can't be used without --dvc");
  const spec = specOf(name, options);
  return changeRepo(repo, "dataset add", options, () =>
    withGitContext(repo, options, async (context) => {
      const existing = loadDatasets(repo).get(name);
      if (existing !== undefined && options.force !== true) {
        throw new DvcError(
          `${name} already exists in ${shownLocal(repo, existing.file)}, use the --force to overwrite`,
        );
      }
      const file = resolve(repo.env.cwd, "dvc.yaml");
      const lock = await lockNow(repo, spec, options);
      const dataset: Dataset = { spec, lock, isInvalidated: false };
      const before = existing?.file === file ? existing.entry : undefined;
      info(options, `Adding ${placeText(name, lock)}`);
      for (const written of saveDataset(file, dataset, before, viewOf(repo, options))) context.track(written);
      return { name, spec: datasetSpecData(spec), lock };
    }),
  );
}

function specOf(name: string, options: DatasetAddOptions): DatasetSpec {
  const { dvc, url, dc, path = "", rev } = options;
  if (dvc !== undefined) return { name, url: dvc, type: "dvc", path, rev };
  const place = url ?? dc;
  if (place === undefined) throw new UsageError("one of dvc, url and dc is needed");
  return { name, url: place, type: url === undefined ? "dc" : "url", path: "", rev: undefined };
}

/**
 * Records anew what a data set is; `rev` is written to dvc.yaml for one of a repository.
 * @throws {DvcError} with DVC's texts.
 */
export function updateDataset(
  repo: Repo,
  name: string,
  options: CallOptions & { readonly rev?: string } = {},
): Promise<DatasetUpdate> {
  return changeRepo(repo, "dataset update", options, () =>
    withGitContext(repo, options, async (context) => {
      const dataset = namedDataset(repo, name);
      const hasRev = options.rev !== undefined && options.rev !== "";
      if (dataset.spec.type === "url" && hasRev) throw new UsageError("cannot update version/revision for a url");
      const isMoved = dataset.spec.type === "dvc" && hasRev;
      const spec = isMoved ? { ...dataset.spec, rev: options.rev } : dataset.spec;
      const lock = await lockNow(repo, spec, options);
      const next: Dataset = { spec, lock, isInvalidated: false };
      const result = resultOf(name, dataset, next, lock);
      for (const line of updateLines(result)) info(options, line);
      for (const file of saveDataset(dataset.file, next, dataset.entry, viewOf(repo, options))) context.track(file);
      return result;
    }),
  );
}

function namedDataset(repo: Repo, name: string): PlacedDataset {
  const datasets = loadDatasets(repo);
  const close = datasets.has(name) ? undefined : closeMatch(name, datasets.keys());
  if (close === undefined) return requireDataset(datasets, name);
  throw new DvcError("dataset not found", { code: "usage", cause: `'${name}'`, hint: `did you mean? ${close}` });
}

/** `cats (https://example.com/registry.git:/cats @ v1)` */
function placeText(name: string, lock: Entry): string {
  const { type, path, rev, version, url } = lock as Readonly<Record<string, string | undefined>>;
  const at = type === "dc" ? `v${version ?? ""}` : rev;
  const place = type === "dvc" && path !== undefined ? `${url ?? ""}:/${path.replace(/^\/+/, "")}` : (url ?? "");
  return `${name} (${place}${at === undefined ? "" : ` @ ${at}`})`;
}

function updateLines({ name, before, lock, isChanged, modified, added, deleted }: DatasetUpdate): string[] {
  if (before === undefined) return [`Updating ${placeText(name, lock)}`];
  if (!isChanged) return ["Nothing to update"];
  const short = (one: Entry): string => entryText(one["rev_lock"]).slice(0, 9);
  const change = lock["type"] === "dvc" ? `${short(before)} -> ${short(lock)}` : entryText(lock["url"]);
  const files = [...modified.map((path) => `M       ${path}`), ...added.map((path) => `A       ${path}`)];
  return [`Updating ${name} (${change})`, ...files, ...deleted.map((path) => `D       ${path}`)];
}

function resultOf(name: string, before: PlacedDataset, after: Dataset, lock: Entry): DatasetUpdate {
  const spec = datasetSpecData(after.spec);
  const isSame =
    before.lock !== undefined && pyEquals(before.lock, lock) && pyEquals(datasetSpecData(before.spec), spec);
  const [old, now] = [filesOf(before.lock), filesOf(lock)];
  const isOther = (path: string): boolean => old.has(path) && !pyEquals(old.get(path), now.get(path));
  return {
    name,
    spec,
    lock,
    before: before.lock,
    isChanged: !isSame,
    modified: [...now.keys()].filter(isOther).sort(),
    added: [...now.keys()].filter((path) => !old.has(path)).sort(),
    deleted: [...old.keys()].filter((path) => !now.has(path)).sort(),
  };
}

function filesOf(lock: Entry | undefined): Map<string, unknown> {
  const files = lock?.["files"];
  if (!Array.isArray(files)) return new Map();
  return new Map(files.filter(isRecord).map((file) => [entryText(file["relpath"]), file["meta"]]));
}

async function lockNow(repo: Repo, spec: DatasetSpec, options: CallOptions): Promise<Entry> {
  const place = { ...datasetSpecData(spec) };
  const found = spec.type === "dvc" ? await commitNow(repo, spec, options) : await versionsNow(repo, spec, options);
  const lock = datasetLockData({ ...place, ...found });
  if (lock === undefined) throw new DvcError(`unknown dataset type: ${spec.type}`);
  return lock;
}

async function commitNow(repo: Repo, { url, rev }: DatasetSpec, options: CallOptions): Promise<Entry> {
  const opened = await openExternal(repo.env, url, { ...options, ...(rev === undefined ? {} : { rev }) });
  try {
    const commit = lockOf(opened);
    if (commit === undefined) throw new DvcError(`'${url}' is not a Git repository`, { code: "scm" });
    return { rev_lock: commit };
  } finally {
    opened.close();
  }
}

async function versionsNow(repo: Repo, { url, type }: DatasetSpec, options: CallOptions): Promise<Entry> {
  if (type === "dc") {
    throw new DvcError("datachain is not installed", {
      code: "unsupported",
      cause: "No module named 'datachain'",
      hint: "DataChain is a Python tool; data sets of repositories (--dvc) and storages (--url) can be added.",
    });
  }
  const place = await openUrl(repo.env, url, { repo });
  try {
    if (!place.fs.caps.versionIds) {
      throw new DvcError(`'${url}' is on a storage that keeps no versions`, {
        code: "unsupported",
        hint: "Data sets by URL are for storages with versions; import-url copies data from any.",
      });
    }
    return await filesNow(place, url, options);
  } finally {
    await place.fs.close();
  }
}

async function filesNow(place: UrlPlace, url: string, options: CallOptions): Promise<Entry> {
  const found = await filesAt(place, options);
  if (found === undefined) throw new DvcError(`dependency '${url}' does not exist`, { code: "usage" });
  const files: { relpath: string; meta: Entry }[] = [];
  // Listings don't tell versions.
  const look = async ({ rel, info }: { rel: string; info: Info }): Promise<void> => {
    const now = await place.fs.stat(info.path, options);
    if (now?.type === "file") files.push({ relpath: rel, meta: metaOf(now) });
  };
  await mapBounded(found.files, place.fs.caps.maxParallel, look, options.signal);
  if (!found.isDir) return { meta: files[0]?.meta ?? {} };
  const size = files.reduce((sum, { meta }) => sum + Number(meta["size"]), 0);
  return { meta: { isdir: true, size, nfiles: files.length }, files };
}

function metaOf({ size, versionId, etag }: Info): Entry {
  return {
    size,
    ...(versionId === undefined ? {} : { version_id: versionId }),
    ...(etag === undefined ? {} : { etag }),
  };
}
