import { join, posix, resolve } from "node:path";
import { DvcError, UsageError } from "../base/errors.ts";
import { posixRelative } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import {
  type ArtifactName,
  artifactText,
  compareVersions,
  parseArtifactName,
  parseArtifactTag,
} from "../formats/artifactTag.ts";
import { isRecord } from "../formats/pyValues.ts";
import { loadProject } from "../pipeline/load.ts";
import type { LoadContext } from "../pipeline/source.ts";
import { type ExternalRepo, openExternal } from "../repo/externalRepo.ts";
import { annotatedTags } from "../scm/annotatedTags.ts";
import type { Git } from "../scm/git.ts";
import { get, type GetOptions, type GetResult, getUrl } from "./get.ts";

/** Which artifact to get; without `version` and `stage` the newest version. */
export interface ArtifactOptions extends Omit<GetOptions, "rev"> {
  /** A version such as `v1.2.3`. */
  readonly version?: string;
  /** A stage of the registry such as `prod`: what was assigned to it last. */
  readonly stage?: string;
}

/** Where an artifact is: `path` from the folder of the project at commit `rev`. */
export interface ArtifactPlace {
  readonly path: string;
  readonly rev: string;
}

/**
 * Copies an artifact of dvc.yaml out of a repository, as it was at the tag of a version or stage.
 * @param name `name`, or `folder:name` for one in another folder's dvc.yaml
 * @throws {UsageError} for both version and stage, {DvcError} with DVC's text when there is no such artifact, {CloneError}
 * @example await getArtifact(env, "https://example.com/registry.git", "models:digits", { stage: "prod" })
 */
export async function getArtifact(
  env: Environment,
  url: string,
  name: string,
  options: ArtifactOptions = {},
): Promise<GetResult> {
  if (options.version !== undefined && options.stage !== undefined)
    throw new UsageError("Artifact version and stage are mutually exclusive.");
  const { version: _version, stage: _stage, ...rest } = options;
  try {
    const { path, rev } = await findArtifact(env, url, name, options);
    return await get(env, url, path, { ...rest, rev });
  } catch (cause) {
    if (!(cause instanceof DvcError) || cause.name === "CloneError" || ["exists", "aborted"].includes(cause.code))
      throw cause;
    const parsed = parseArtifactName(name);
    const shown = parsed === undefined ? name : artifactText(parsed);
    throw new DvcError(`Failed to download artifact '${shown}' via DVC remote`, { cause });
  }
}

/** Where an artifact lies on the remote of its repository. @throws as {@link getArtifact} */
export async function artifactUrl(
  env: Environment,
  url: string,
  name: string,
  options: ArtifactOptions = {},
): Promise<{ readonly url: string }> {
  if (options.version !== undefined && options.stage !== undefined)
    throw new UsageError("Artifact version and stage are mutually exclusive.");
  const { version: _version, stage: _stage, ...rest } = options;
  const { path, rev } = await findArtifact(env, url, name, options);
  return getUrl(env, url, path, { ...rest, rev });
}

/** Finds the commit and the path of an artifact. @throws {DvcError} `Unable to find artifact 'x @ v1.0.0'` */
export async function findArtifact(
  env: Environment,
  url: string,
  name: string,
  options: ArtifactOptions = {},
): Promise<ArtifactPlace> {
  const { version, stage, out: _out, force: _force, jobs: _jobs, ...external } = options;
  const parsed = parseArtifactName(name);
  const shown = parsed === undefined ? name : artifactText(parsed);
  const missing = (at = ""): DvcError => new DvcError(`Unable to find artifact '${shown}${at}'`, { code: "usage" });
  if (parsed === undefined) throw missing();
  const opened = await openExternal(env, url, { ...external, allRefs: true });
  try {
    const { git, repo } = opened;
    if (git === undefined) throw new DvcError(`'${opened.root}' is not a Git repository`, { code: "scm" });
    const rev = taggedCommit(git, artifactText(parsed), options);
    const wanted = stage ?? version;
    if (rev === undefined) throw missing(wanted === undefined ? "" : ` @ ${wanted}`);
    const path = definedPath(opened, git, rev, parsed, repo?.loadContext.parsing);
    if (path === undefined) throw missing();
    return { path, rev };
  } finally {
    opened.close();
  }
}

/** As GTO's own look-up: tags that take back count like those that they take back. */
function taggedCommit(git: Git, name: string, { version, stage }: ArtifactOptions): string | undefined {
  const tags = annotatedTags(git).flatMap(({ name: tag, commit }) => {
    const parsed = parseArtifactTag(tag);
    return parsed?.name === name ? [{ ...parsed, commit }] : [];
  });
  const fits = tags.filter(
    (tag) => (version === undefined || tag.version === version) && (stage === undefined || tag.stage === stage),
  );
  if (version !== undefined || stage !== undefined) return fits.at(-1)?.commit;
  // Of tags of one version the latest counts.
  const versions = fits.filter((tag) => tag.version !== undefined).reverse();
  const newest = versions.sort((a, b) => compareVersions(b.version ?? "", a.version ?? ""))[0];
  return (newest ?? fits.at(-1))?.commit;
}

/** The path that dvc.yaml gives an artifact, from the root of the opened project. */
function definedPath(
  { root }: ExternalRepo,
  git: Git,
  rev: string,
  { folder, name }: ArtifactName,
  parsing: LoadContext["parsing"],
): string | undefined {
  const file = join(git.root, folder, "dvc.yaml");
  const tree = git.tree(rev);
  if (!tree.isFile(file)) return undefined;
  const project = loadProject(file, tree, { root, ...(parsing === undefined ? {} : { parsing }) });
  const artifacts = project.artifacts();
  const artifact = Object.hasOwn(artifacts, name) ? artifacts[name] : undefined;
  if (!isRecord(artifact) || typeof artifact["path"] !== "string") return undefined;
  const at = resolve(git.root, posix.normalize(posix.join(folder, artifact["path"])));
  return posixRelative(root, at);
}
