import { compareCodePoints } from "../base/codePoints.ts";
import { DvcError } from "../base/errors.ts";
import { isRecord, pyEquals } from "../formats/pyValues.ts";
import type { Entry } from "./record.ts";

/** What dvc.yaml says of a data set. */
export interface DatasetSpec {
  readonly name: string;
  readonly url: string;
  /** `dvc`: in another repository; `url`: on a storage that keeps versions; `dc`: of DataChain. */
  readonly type: "dvc" | "url" | "dc";
  /** Within the repository; "" for all of it. */
  readonly path: string;
  readonly rev: string | undefined;
}

/** A data set with what dvc.lock records of it, as long as that is of the same place. */
export interface Dataset {
  readonly spec: DatasetSpec;
  /** The record as DVC writes it. */
  readonly lock: Entry | undefined;
  /** Whether dvc.lock has a record of another place. */
  readonly isInvalidated: boolean;
}

/** Reads an entry of `datasets` in dvc.yaml. @throws {DvcError} for one without type, name or url. */
export function readDatasetSpec(entry: unknown): DatasetSpec {
  if (!isRecord(entry)) throw new DvcError("a data set of dvc.yaml is no mapping", { code: "format" });
  const { type, name, url, path, rev } = entry;
  if (type === undefined || type === "") throw new DvcError("type should be present in spec", { code: "format" });
  if (type !== "dvc" && type !== "url" && type !== "dc")
    throw new DvcError(`unknown dataset type: ${typeof type === "string" ? type : "?"}`, { code: "format" });
  if (typeof name !== "string" || typeof url !== "string")
    throw new DvcError("a data set of dvc.yaml needs a name and a url", { code: "format" });
  const isRepo = type === "dvc";
  return {
    name,
    url,
    type,
    path: isRepo && typeof path === "string" ? path : "",
    rev: isRepo && rev !== undefined && rev !== null && typeof rev !== "object" ? entryText(rev) : undefined,
  };
}

/** The entry of dvc.yaml; what is not set is left out. */
export function datasetSpecData({ name, url, type, path, rev }: DatasetSpec): Record<string, unknown> {
  return { name, url, type, ...(path === "" ? {} : { path }), ...(rev === undefined ? {} : { rev }) };
}

const META_KEYS = ["isdir", "size", "nfiles", "isexec", "version_id", "etag", "checksum", "md5"] as const;

/** A record of dvc.lock with the keys that DVC knows, in its order; undefined when it is of no kind that it knows. */
export function datasetLockData(lock: unknown): Entry | undefined {
  if (!isRecord(lock) || typeof lock["name"] !== "string") return undefined;
  const type = lock["type"];
  if (type !== "dvc" && type !== "url" && type !== "dc") return undefined;
  const start = datasetSpecData(readDatasetSpec(lock));
  if (type === "dvc") return { ...start, rev_lock: lock["rev_lock"] };
  if (type === "dc") return { ...start, version: lock["version"], created_at: lock["created_at"] };
  const files = Array.isArray(lock["files"]) ? lock["files"].filter(isRecord) : [];
  const data = { ...start, meta: metaData(lock["meta"]) };
  if (files.length === 0) return data;
  const listed = files.map((file) => ({ relpath: entryText(file["relpath"]), meta: metaData(file["meta"]) }));
  return { ...data, files: listed.sort((a, b) => compareCodePoints(a.relpath, b.relpath)) };
}

function metaData(meta: unknown): Entry {
  if (!isRecord(meta)) return {};
  return Object.fromEntries(META_KEYS.filter((key) => meta[key] !== undefined).map((key) => [key, meta[key]]));
}

/** Joins both: a record of another place does not count. */
export function joinDataset(spec: DatasetSpec, lock: unknown): Dataset {
  const data = datasetLockData(lock);
  if (data === undefined) return { spec, lock: undefined, isInvalidated: false };
  const isSame = pyEquals(datasetSpecData(readDatasetSpec(data)), datasetSpecData(spec));
  return isSame ? { spec, lock: data, isInvalidated: false } : { spec, lock: undefined, isInvalidated: true };
}

/** A value of an entry as text. */
export function entryText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "");
}
