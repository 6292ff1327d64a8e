import { DvcError } from "../base/errors.ts";
import { checkManifestPath } from "../base/paths.ts";
import type { FileDependency } from "../pipeline/changed.ts";
import { schemeOf } from "../pipeline/location.ts";
import { referredRemote } from "../repo/resolveRemote.ts";
import type { Repo } from "../repo/repo.ts";
import type { UrlFile, UrlPlace } from "./urlSource.ts";

/** Storages whose files have versions. */
const VERSIONED = /^(s3|gs|azure):/i;

/** S3 and Google's storage tell the version of a file each time, and DVC records it each time; that of others when asked to. */
export function keepsVersions(repo: Repo, dep: FileDependency, protocol: string): boolean {
  const asked = asksForVersions(repo, dep);
  return asked === true || (/^(s3|gs)$/.test(protocol) && asked === undefined);
}

/** Whether the versions of a source are to be recorded: what its own options say, else those of the remote it is on. */
export function asksForVersions(repo: Repo, dep: FileDependency): boolean | undefined {
  const config = dep.extra["fs_config"];
  if (typeof config === "object" && config !== null && "version_aware" in config) return config.version_aware === true;
  const remote = referredRemote(repo, dep.defPath);
  const isOn = remote?.options.get("version_aware")?.value.toLowerCase() === "true";
  return isOn && VERSIONED.test(remote.url) ? true : undefined;
}

/** @throws {DvcError} when a dependency that is to be imported with its versions is on a storage that has none */
export function requireVersions(repo: Repo, dep: FileDependency): void {
  const url = referredRemote(repo, dep.defPath)?.url ?? dep.defPath;
  if (schemeOf(url) === undefined || VERSIONED.test(url)) return;
  throw new DvcError(`'${dep.defPath}' is on a storage that keeps no versions`, {
    code: "unsupported",
    hint: "Leave --version-aware out: the data is pushed to your remote, then.",
  });
}

/** Whether all that was found at the source can be had again by its version, whatever comes after it. */
export function hasVersions({ meta, extra }: FileDependency): boolean {
  const { files } = extra;
  if (!Array.isArray(files)) return meta.versionId !== undefined;
  return (files as Readonly<Record<string, unknown>>[]).every((one) => one["version_id"] !== undefined);
}

/** The versions that a dependency was locked to; undefined: what is there now. */
export function pinnedFiles(dep: FileDependency, place: UrlPlace): UrlFile[] | undefined {
  const { versionId, size } = dep.meta;
  if (!place.fs.caps.versionIds) return undefined;
  const info = (path: string, bytes: unknown, version: unknown): UrlFile["info"] => ({
    path,
    type: "file",
    size: typeof bytes === "number" ? bytes : 0,
    versionId: String(version),
  });
  if (versionId !== undefined) return [{ rel: ".", info: info(place.path, size, versionId) }];
  const { files } = dep.extra;
  if (!Array.isArray(files)) return undefined;
  return (files as Readonly<Record<string, unknown>>[]).map((one) => {
    const rel = String(one["relpath"]);
    checkManifestPath(rel, dep.defPath);
    return { rel, info: info(`${place.path}/${rel}`, one["size"], one["version_id"]) };
  });
}
