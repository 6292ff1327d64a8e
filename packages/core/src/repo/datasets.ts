import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { isRecord, pyEquals } from "../formats/pyValues.ts";
import type { EntryState } from "../pipeline/changed.ts";
import { type Dataset, datasetLockData, joinDataset, readDatasetSpec } from "../pipeline/dataset.ts";
import type { ProjectView } from "../pipeline/load.ts";
import type { Dependency } from "../pipeline/stage.ts";
import { loadIndex } from "./index.ts";
import type { Repo } from "./repo.ts";

/** The kind of dependency that a stage has on a data set. */
export type DatasetDependency = Extract<Dependency, { kind: "dataset" }>;

/** A data set of the project. */
export interface PlacedDataset extends Dataset {
  /** The dvc.yaml that defines it. */
  readonly file: OsPath;
  /** Its entry there, templates resolved. */
  readonly entry: Readonly<Record<string, unknown>>;
}

/** Data sets of all dvc.yaml files by name; of those of one name the last counts. */
export function loadDatasets(repo: Repo): Map<string, PlacedDataset> {
  return datasetsOf(loadIndex(repo).projects);
}

function datasetsOf(projects: readonly ProjectView[]): Map<string, PlacedDataset> {
  const found = new Map<string, PlacedDataset>();
  for (const project of projects) {
    for (const entry of project.section("datasets")) {
      if (!isRecord(entry)) continue;
      const spec = readDatasetSpec(entry);
      const lock = project.datasetLocks.find((one) => one["name"] === spec.name);
      found.set(spec.name, { ...joinDataset(spec, lock), file: project.file, entry });
    }
  }
  return found;
}

/** @throws {DvcError} DVC's text when there is no such data set. */
export function requireDataset(datasets: ReadonlyMap<string, PlacedDataset>, name: string): PlacedDataset {
  const dataset = datasets.get(name);
  if (dataset !== undefined) return dataset;
  throw new DvcError("dataset not found", { code: "usage", cause: `'${name}'` });
}

/** How a stage's record of a data set differs from that of the data set. */
export function datasetState(
  datasets: ReadonlyMap<string, PlacedDataset>,
  dep: DatasetDependency,
): EntryState | undefined {
  const { lock } = requireDataset(datasets, dep.name);
  if (lock === undefined) return "not in sync";
  const recorded = datasetLockData(dep.extra["dataset"]);
  if (recorded === undefined) return "new";
  return pyEquals(recorded, lock) ? undefined : "modified";
}

/** Gives a dependency the record that its data set has. */
export type DatasetRecorder = (dep: DatasetDependency) => DatasetDependency;

/** Records dependencies on data sets as they are now; all dvc.yaml are read once, for the first. It throws {DvcError} with DVC's texts. */
export function datasetRecorder(repo: Repo): DatasetRecorder {
  let datasets: ReadonlyMap<string, PlacedDataset> | undefined;
  return (dep) => recordDataset(repo, (datasets ??= loadDatasets(repo)), dep);
}

function recordDataset(
  repo: Repo,
  datasets: ReadonlyMap<string, PlacedDataset>,
  dep: DatasetDependency,
): DatasetDependency {
  const { lock, isInvalidated } = requireDataset(datasets, dep.name);
  if (lock !== undefined) return { ...dep, extra: { dataset: lock } };
  throw new DvcError(
    isInvalidated
      ? `Dataset information is not in sync. Run '${repo.env.programName} ds update ${dep.name}' to sync.`
      : "Dataset information missing from dvc.lock file",
  );
}
