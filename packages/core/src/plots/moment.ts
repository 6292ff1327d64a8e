import { relative, resolve, sep } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { NotDvcRepoError } from "../base/errors.ts";
import { type Index, loadIndex } from "../repo/index.ts";
import type { Repo } from "../repo/repo.ts";
import { RevisionFiles } from "../repo/revisionFiles.ts";
import { collectDefinitions, type Definitions, isPlot } from "./definitions.ts";
import { isRecord } from "../formats/pyValues.ts";
import { LOST_FOLDER, type Problem, problemOf } from "./problem.ts";
import { type PlotProps, propsOfOutput, sourcesOf } from "./props.ts";
import { type PlotSource, readSource } from "./source.ts";

/** The plots of a revision, with the files they are drawn from. */
export interface PlotsMoment {
  /** As it was asked for; "workspace" for the workspace. */
  readonly name: string;
  readonly definitions: Definitions;
  /** By the path in ids and props. */
  readonly sources: ReadonlyMap<string, PlotSource>;
  /** Why the project could not be read at all. */
  readonly error?: Problem;
  readonly hasErrors: boolean;
}

export interface CollectPlotsOptions extends CallOptions {
  readonly targets?: readonly string[];
  /** Properties that win over those of the definitions. */
  readonly props?: PlotProps;
}

/** A revision to look at; `commit` undefined for the workspace. */
export interface PlotsRevision {
  readonly name: string;
  readonly commit: string | undefined;
}

/** Reads the plots of one revision; undefined when it defines none. Failures are part of the result. */
export async function collectMoment(
  repo: Repo,
  revision: PlotsRevision,
  options: CollectPlotsOptions,
): Promise<PlotsMoment | undefined> {
  const { name } = revision;
  const props = options.props ?? {};
  let definitions: Definitions;
  let index: Index;
  let files: RevisionFiles;
  try {
    index = loadIndex(repo, revision.commit === undefined ? {} : { rev: revision.commit });
    files = new RevisionFiles(repo, index, options);
    const targets = (options.targets ?? []).map((target) => targetPath(repo, target));
    definitions = await collectDefinitions(repo, index, files, targets, props);
  } catch (error) {
    if (error instanceof NotDvcRepoError) throw error;
    return unreadable(name, problemOf(error, revision.commit));
  }
  if (definitions.files.size === 0) return undefined;
  const sources = new Map<string, PlotSource>();
  let hasErrors = definitions.errors.length > 0;
  try {
    if (index.stages.length > 0) index.checkGraph();
    const outputs = new Map(index.outs.map(({ out }) => [out.path, out]));
    for (const path of neededFiles(definitions)) {
      options.signal?.throwIfAborted();
      const full = resolve(repo.env.cwd, path);
      const plot = outputs.get(full)?.plot;
      sources.set(
        path,
        await readSource(files, full, path, isPlot(plot) ? { ...propsOfOutput(plot), ...props } : props),
      );
    }
    const lost = lostFolder(definitions, sources);
    if (lost !== undefined) return unreadable(name, lost);
    hasErrors ||= [...sources.values()].some(({ error }) => error !== undefined);
  } catch (error) {
    problemOf(error);
    hasErrors = true;
  }
  return { name, definitions, sources, hasErrors };
}

function unreadable(name: string, error: Problem): PlotsMoment {
  return { name, definitions: { files: new Map(), errors: [] }, sources: new Map(), error, hasErrors: true };
}

/** A plot in a folder whose manifest is nowhere may be any number of plots: DVC then tells nothing of the revision. */
function lostFolder(definitions: Definitions, sources: ReadonlyMap<string, PlotSource>): Problem | undefined {
  for (const plots of definitions.files.values()) {
    for (const [id, props] of plots) {
      const error = isRecord(props["y"]) ? undefined : sources.get(id)?.error;
      if (error?.type === LOST_FOLDER) return error;
    }
  }
  return undefined;
}

function targetPath(repo: Repo, target: string): string {
  const path = sep === "\\" ? target.replaceAll("\\", "/") : target;
  return path.startsWith("/") ? relative(repo.env.cwd, path).split(sep).join("/") : path.replace(/(?<=.)\/+$/, "");
}

function neededFiles(definitions: Definitions): Set<string> {
  const needed = new Set<string>();
  for (const plots of definitions.files.values()) {
    for (const [id, props] of plots) for (const source of sourcesOf(id, props)) needed.add(source);
  }
  return needed;
}
