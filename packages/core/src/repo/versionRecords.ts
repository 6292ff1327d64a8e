import { isRecord } from "../formats/pyValues.ts";
import type { Info } from "../fs/filesystem.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { Tree } from "../odb/tree.ts";
import type { Output } from "../pipeline/stage.ts";
import type { Repo } from "./repo.ts";

/** Which version of a file a storage with versions holds. */
export interface FileVersion {
  readonly versionId: string;
  readonly etag: string | undefined;
}

/** One file of an output as such a remote knows it. */
export interface VersionedFile {
  /** "." when the output is a file itself. */
  readonly rel: string;
  readonly md5: string;
  readonly size: number | undefined;
  /** What was recorded for the remote asked about. */
  readonly version: FileVersion | undefined;
}

type Entry = Readonly<Record<string, unknown>>;

/**
 * The files of an output with the versions recorded for `remote`. Undefined when nothing is recorded of it, or when it is a
 * folder whose manifest is not here.
 */
export function versionedFiles(repo: Repo, out: Output, remote: string): VersionedFile[] | undefined {
  const oid = out.hash?.value;
  if (oid === undefined) return undefined;
  if (!isDirHash(oid)) {
    const direct = { version_id: out.meta.versionId, etag: out.meta.etag };
    const version = versionIn({ ...direct, cloud: out.extra["cloud"] }, remote);
    return [{ rel: ".", md5: oid, size: out.meta.size, version }];
  }
  const tree = out.tree ?? repo.cache.readTree(oid);
  const known = entriesByPath(out);
  return tree?.entries.map(({ relpath, md5, size }) => {
    const entry = known.get(relpath);
    return { rel: relpath, md5, size, version: entry === undefined ? undefined : versionIn(entry, remote) };
  });
}

/** What an entry says of a remote: under its name, or plainly, as `update` leaves it. */
function versionIn(entry: Entry, remote: string): FileVersion | undefined {
  const cloud = isRecord(entry["cloud"]) ? entry["cloud"][remote] : undefined;
  const { version_id: versionId, etag } = isRecord(cloud) ? cloud : entry;
  if (typeof versionId !== "string" || versionId === "") return undefined;
  return { versionId, etag: typeof etag === "string" ? etag : undefined };
}

function entriesByPath(out: Output): Map<string, Entry> {
  const files = Array.isArray(out.extra["files"]) ? (out.extra["files"] as Entry[]) : [];
  return new Map(files.map((entry) => [String(entry["relpath"]), entry]));
}

/** The output with these versions of its files recorded for `remote`, in DVC's order of keys. */
export function recordVersions(
  repo: Repo,
  out: Output,
  remote: string,
  versions: ReadonlyMap<string, Pick<Info, "etag" | "versionId">>,
): Output {
  const files = versionedFiles(repo, out, remote);
  const oid = out.hash?.value;
  if (files === undefined || oid === undefined) return out;
  const cloudOf = ({ etag, versionId }: Pick<Info, "etag" | "versionId">): Entry => ({
    [remote]: { ...(etag === undefined ? {} : { etag }), version_id: versionId },
  });
  if (!isDirHash(oid)) {
    const version = versions.get(".");
    if (version === undefined) return out;
    const { versionId: _versionId, etag: _etag, ...meta } = out.meta;
    return { ...out, meta, extra: { ...out.extra, cloud: cloudOf(version) } };
  }
  const known = entriesByPath(out);
  const list = files.map(({ rel, md5, size }) => {
    const version = versions.get(rel);
    const plain = { relpath: rel, md5, ...sizeOf(repo, md5, size) };
    return version === undefined ? (known.get(rel) ?? plain) : { ...plain, cloud: cloudOf(version) };
  });
  return {
    ...out,
    extra: { ...out.extra, files: list },
    tree: Tree.from(files.map(({ rel, ...one }) => treeEntry(rel, one))),
  };
}

/**
 * The output as it is recorded anew after `before`: of what did not change, the versions stay; a folder whose files were
 * listed goes on listing them.
 */
export function withVersions(repo: Repo, before: Output, after: Output, tree: Tree | undefined): Output {
  const { files: _files, cloud, ...rest } = after.extra;
  const isSame = before.hash?.value === after.hash?.value;
  if (before.extra["files"] === undefined || after.hash === undefined || !isDirHash(after.hash.value)) {
    const { versionId, etag } = before.meta;
    const direct = { ...(versionId === undefined ? {} : { versionId }), ...(etag === undefined ? {} : { etag }) };
    if (!isSame) return { ...after, extra: rest };
    return { ...after, meta: { ...after.meta, ...direct }, extra: cloud === undefined ? rest : { ...rest, cloud } };
  }
  const now = isSame ? before.tree : tree;
  if (now === undefined) return { ...after, extra: rest };
  const known = entriesByPath(before);
  const list = now.entries.map(({ relpath, md5, size }) => {
    const entry = known.get(relpath);
    return entry?.["md5"] === md5 ? entry : { relpath, md5, ...sizeOf(repo, md5, size) };
  });
  return { ...after, extra: { ...rest, files: list }, tree: now };
}

function sizeOf(repo: Repo, md5: string, size: number | undefined): { size?: number } {
  const known = size ?? repo.cache.sizeOf(md5);
  return known === undefined ? {} : { size: known };
}

function treeEntry(relpath: string, { md5, size }: Omit<VersionedFile, "rel">): Tree["entries"][number] {
  return { relpath, md5, ...(size === undefined ? {} : { size }) };
}
