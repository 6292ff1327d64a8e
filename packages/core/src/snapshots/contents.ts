import { dirname, join } from "node:path";
import { DvcError } from "../base/errors.ts";
import { posixRelative } from "../base/paths.ts";
import { isRecord } from "../formats/pyValues.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { isRepoImport } from "../pipeline/stage.ts";
import { cacheFor, recordedHash, type StageOutput } from "../repo/dataRoots.ts";
import type { Index } from "../repo/index.ts";
import type { Repo } from "../repo/repo.ts";
import { cachedManifest } from "./objects.ts";

/** One tracked file or folder of a snapshot. `path` is relative to the project's root. */
export interface SnapshotOutput {
  readonly path: string;
  readonly kind: "file" | "folder";
  /** Null when nothing is recorded of it. */
  readonly hash: string | null;
  /** Bytes; null when unknown. */
  readonly size: number | null;
  /** Number of files; null when unknown. */
  readonly files: number | null;
  /** What `type` of the output or an artifact of dvc.yaml says, e.g. `model`. */
  readonly type?: string;
  /** The remote it goes to, when it names one. */
  readonly remote?: string;
  /** Its data belongs to another repository. */
  readonly isImport?: true;
}

/** What a snapshot tracks. Totals count what is known. */
export interface SnapshotContents {
  readonly bytes: number;
  readonly files: number;
  readonly outputs: readonly SnapshotOutput[];
}

/** The outputs of a revision with their sizes, as recorded beside them; what was not recorded is looked up in the cache. */
export function snapshotContents(repo: Repo, index: Index): SnapshotContents {
  const types = artifactTypes(repo, index);
  const outputs = index.outs
    .filter(({ out }) => out.useCache && out.isLocal)
    .map((one) => describe(repo, one, types))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const sum = (pick: (one: SnapshotOutput) => number | null): number =>
    outputs.reduce((total, one) => total + (pick(one) ?? 0), 0);
  return { bytes: sum(({ size }) => size), files: sum(({ files }) => files), outputs };
}

function describe(repo: Repo, one: StageOutput, types: ReadonlyMap<string, string>): SnapshotOutput {
  const { out, stage } = one;
  const hash = recordedHash(one);
  const isFolder = hash === undefined ? out.meta.nfiles !== undefined : isDirHash(hash.value);
  const path = posixRelative(repo.root, out.path);
  const type = out.annotation.type ?? types.get(path);
  const lookUp = (): number | undefined =>
    hash === undefined || isFolder || (hash.name !== "md5" && hash.name !== "md5-dos2unix")
      ? undefined
      : cacheFor(repo, hash).sizeOf(hash.value);
  const countFiles = (): number | undefined =>
    hash === undefined
      ? undefined
      : cachedManifest(repo, { hashName: hash.name === "md5-dos2unix" ? "md5-dos2unix" : "md5" }, hash.value)?.nfiles;
  return {
    path,
    kind: isFolder ? "folder" : "file",
    hash: hash?.value ?? null,
    size: out.meta.size ?? lookUp() ?? null,
    files: isFolder ? (out.meta.nfiles ?? countFiles() ?? null) : 1,
    ...(type === undefined ? {} : { type }),
    ...(out.remote === undefined ? {} : { remote: out.remote }),
    ...(isRepoImport(stage) ? { isImport: true } : {}),
  };
}

/** Path from the project's root -> `type` of the artifact of dvc.yaml that names it. */
function artifactTypes(repo: Repo, index: Index): Map<string, string> {
  const types = new Map<string, string>();
  for (const project of index.projects) {
    for (const artifact of Object.values(artifactsOf(project))) {
      if (!isRecord(artifact)) continue;
      const { path, type } = artifact as { path?: unknown; type?: unknown };
      if (typeof path === "string" && typeof type === "string")
        types.set(posixRelative(repo.root, join(dirname(project.file), path)), type);
    }
  }
  return types;
}

function artifactsOf(project: Index["projects"][number]): Record<string, unknown> {
  try {
    return project.artifacts();
  } catch (error) {
    // A template that does not resolve: the data of the snapshot is what it is without it.
    if (error instanceof DvcError) return {};
    throw error;
  }
}
