import { posix, relative, resolve, sep } from "node:path";
import { compareCodePoints } from "../base/codePoints.ts";
import type { OsPath } from "../base/paths.ts";
import { isRecord } from "../formats/pyValues.ts";
import type { Index, IndexOutput } from "../repo/index.ts";
import type { Repo } from "../repo/repo.ts";
import type { RevisionFiles } from "../repo/revisionFiles.ts";
import { shownPath } from "../repo/shown.ts";
import { type Problem, problemOf } from "./problem.ts";
import { type PlotProps, propsOfOutput } from "./props.ts";

/** The plots of one file, by id. Paths in ids and props are relative to the working folder, "/"-separated. */
export type FilePlots = Map<string, PlotProps>;

/** What is to be drawn at one moment. */
export interface Definitions {
  /** By the `dvc.yaml` they come from; "" for outputs of stages and files named on the command line. */
  readonly files: Map<string, FilePlots>;
  /** Folders of plots that could not be read. */
  readonly errors: Problem[];
}

interface Collecting {
  readonly repo: Repo;
  readonly files: RevisionFiles;
  readonly targets: readonly string[];
  /** Properties from the command line, which win. */
  readonly props: PlotProps;
  readonly found: Definitions;
}

/** Finds the plots of one moment: top-level definitions, outputs of stages, files named as targets. */
export async function collectDefinitions(
  repo: Repo,
  index: Index,
  files: RevisionFiles,
  targets: readonly string[],
  props: PlotProps,
): Promise<Definitions> {
  const at: Collecting = { repo, files, targets, props, found: { files: new Map(), errors: [] } };
  for (const project of index.projects) {
    const section = project.section("plots");
    if (section.length > 0) await addTopLevel(at, shown(repo, project.file), section);
  }
  for (const one of index.outs) if (isPlot(one.out.plot)) await addOutput(at, one);
  for (const target of targets) {
    if (at.found.files.size === 0 || (await files.exists(resolve(repo.env.cwd, target)))) {
      addAll(at, "", await unpack(at, target, props));
    }
  }
  return at.found;
}

/** Whether the option makes an output a plot. */
export function isPlot(plot: unknown): boolean {
  return plot === true || (isRecord(plot) && Object.keys(plot).length > 0);
}

function shown(repo: Repo, path: OsPath): string {
  return relative(repo.env.cwd, path).split(sep).join("/");
}

async function addTopLevel(at: Collecting, file: string, section: readonly unknown[]): Promise<void> {
  const folder = posix.dirname(file);
  const place = (path: string): string => posix.normalize(posix.join(folder, path)).replace(/(?<=.)\/$/, "");
  const entries = new Map<string, PlotProps>();
  for (const element of section) {
    if (typeof element === "string") entries.set(element, {});
    else if (isRecord(element)) {
      const [first] = Object.entries(element);
      if (first !== undefined) entries.set(first[0], isRecord(first[1]) ? first[1] : {});
    }
  }
  const parents = pathTree([...entries.keys()].map(place));
  addAll(at, file, []);
  for (const [id, props] of entries) {
    if (!matches(at.targets, file, id)) continue;
    if (isRecord(props["y"])) {
      addAll(at, file, [[id, { ...placedAxes(props, place), ...at.props }]]);
      continue;
    }
    const path = place(id);
    const unpacked = await unpack(at, path, { ...props, ...at.props });
    addAll(
      at,
      file,
      unpacked.filter(([one]) => closestParent(one, parents) === path),
    );
  }
}

/** `x` and `y` with their files seen from the working folder. */
function placedAxes(props: PlotProps, place: (path: string) => string): PlotProps {
  const placed = (axis: unknown): Record<string, unknown> =>
    Object.fromEntries(Object.entries(isRecord(axis) ? axis : {}).map(([path, field]) => [place(path), field]));
  return {
    ...props,
    ...(isRecord(props["x"]) ? { x: placed(props["x"]) } : {}),
    y: placed(props["y"]),
  };
}

/** Paths by their parts: what a folder of them holds. */
interface PathTree {
  readonly below: Map<string, PathTree>;
}

function pathTree(paths: readonly string[]): PathTree {
  const tree: PathTree = { below: new Map() };
  for (const path of paths) {
    let at = tree;
    for (const part of path.split("/")) {
      const next = at.below.get(part) ?? { below: new Map() };
      at.below.set(part, next);
      at = next;
    }
  }
  return tree;
}

/** The longest path that this one begins with as some of the tree do: a plot in a folder that is a plot as well belongs to the nearest. */
function closestParent(path: string, parents: PathTree): string {
  const parts = path.split("/");
  let same = 0;
  let at = parents.below.get(parts[0] ?? "");
  while (at !== undefined) at = at.below.get(parts[++same] ?? "/");
  return parts.slice(0, same).join("/");
}

/** The longest path that all of `paths` start with, "" for none. */
export function commonPath(...paths: readonly string[]): string {
  const [first, ...others] = paths.map((path) => path.split("/"));
  if (first === undefined) return "";
  let length = first.length;
  for (const other of others) {
    let same = 0;
    while (same < length && first[same] === other[same]) same++;
    length = same;
  }
  return first.slice(0, length).join("/");
}

async function addOutput(at: Collecting, one: IndexOutput): Promise<void> {
  const { repo } = at;
  const file = shown(repo, one.stage.file);
  if (!matches(at.targets, file, shownPath(repo, one.out))) return;
  addAll(at, "", await unpack(at, shown(repo, one.out.path), { ...propsOfOutput(one.out.plot), ...at.props }));
}

/** A folder stands for each file in it. */
async function unpack(at: Collecting, path: string, props: PlotProps): Promise<[string, PlotProps][]> {
  const full = resolve(at.repo.env.cwd, path);
  // A part of a folder of which nobody knows what is in it may be any number of plots: nothing of the revision is told.
  if (!(await at.files.isKnownFolder(full))) return [[path, props]];
  try {
    const below = (await at.files.filesBelow(full)).map((file) => posix.join(path, shownFrom(full, file)));
    return below.sort(compareCodePoints).map((file) => [file, props]);
  } catch (error) {
    at.found.errors.push(problemOf(error));
    return [];
  }
}

function shownFrom(folder: OsPath, file: OsPath): string {
  return relative(folder, file).split(sep).join("/");
}

/** Adds plots of one file; of one that is there already, lists grow and other properties are replaced, as in DVC. */
function addAll({ found }: Collecting, file: string, plots: readonly (readonly [string, PlotProps])[]): void {
  const known = found.files.get(file) ?? new Map<string, PlotProps>();
  found.files.set(file, known);
  for (const [id, props] of plots) {
    const old = known.get(id);
    known.set(id, old === undefined ? props : merged(old, props));
  }
}

function merged(old: PlotProps, fresh: PlotProps): PlotProps {
  const all: Record<string, unknown> = { ...old };
  for (const [key, value] of Object.entries(fresh)) {
    const before = old[key];
    if (Array.isArray(before) && Array.isArray(value)) all[key] = [...(before as unknown[]), ...(value as unknown[])];
    else all[key] = isRecord(before) && isRecord(value) ? merged(before, value) : value;
  }
  return all;
}

/** Targets are patterns for the start of an id, or of `file::id`. A pattern that is none is taken as it is. */
function matches(targets: readonly string[], file: string, id: string): boolean {
  if (targets.length === 0) return true;
  const full = file === "" ? id : `${file}::${id}`;
  return targets.some((target) => {
    const pattern = patternOf(target);
    return pattern.test(id) || pattern.test(full);
  });
}

function patternOf(target: string): RegExp {
  try {
    return new RegExp(`^(?:${target})`);
  } catch {
    return new RegExp(`^${target.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`);
  }
}
