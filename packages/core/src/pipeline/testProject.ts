import { dirname, join } from "node:path";
import { loadProject, loadProjectFile } from "./load.ts";
import type { ProjectView } from "./load.ts";
import type { FileSource, LoadContext } from "./source.ts";
import { mapSource } from "./source.ts";
import type { Stage } from "./stage.ts";

/** Root of the made-up projects of tests. */
export const ROOT = "/repo";

/** A project of texts by path relative to its root; for tests. */
export function project(files: Readonly<Record<string, string>>): FileSource {
  return mapSource(new Map(Object.entries(files).map(([name, text]) => [join(ROOT, name), text])));
}

/** Stages of `dvc.yaml` (or another path) of such a project. */
export function stagesOf(files: Readonly<Record<string, string>>, options: StagesOptions = {}): Stage[] {
  return loadProjectFile(join(ROOT, options.file ?? "dvc.yaml"), project(files), contextOf(options));
}

/** As `stagesOf`, but not resolved yet. */
export function viewOf(files: Readonly<Record<string, string>>, options: StagesOptions = {}): ProjectView {
  return loadProject(join(ROOT, options.file ?? "dvc.yaml"), project(files), contextOf(options));
}

/** What tests may vary. */
export interface StagesOptions extends Partial<LoadContext> {
  readonly file?: string;
}

function contextOf(options: StagesOptions): LoadContext {
  const { file: _, ...rest } = options;
  return { root: ROOT, ...rest };
}

/** The message of what `work` throws. */
export function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return `nothing thrown in ${dirname(ROOT)}`;
}
