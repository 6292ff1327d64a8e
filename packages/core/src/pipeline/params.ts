import { DvcError } from "../base/errors.ts";
import type { Viewpoint } from "./display.ts";
import { entryText } from "./display.ts";
import { readParamsFile } from "./paramsFile.ts";
import { selectParams } from "./paramsValues.ts";
import type { FileSource } from "./source.ts";
import type { Dependency } from "./stage.ts";

type ParamsDependency = Extract<Dependency, { kind: "params" }>;

/**
 * The dependency with the values that its file holds now, ready for dvc.lock.
 * @throws {DvcError} when the file or one of the keys is missing, in DVC's words; {FormatError} when it does not parse.
 */
export function recordParams(dep: ParamsDependency, source: FileSource, view?: Viewpoint): ParamsDependency {
  const shown = view === undefined ? dep.defPath : entryText(dep, view);
  if (!source.exists(dep.path)) throw new DvcError(`dependency '${shown}' does not exist`, { code: "not-found" });
  if (!source.isFile(dep.path)) throw new DvcError(`'${shown}' is a directory, expected a parameters file`);
  const values = selectParams(readParamsFile(dep.path, source, shown), dep.params);
  const missing = dep.params.filter((key) => !values.has(key));
  if (missing.length > 0) throw new DvcError(`Parameters '${missing.join(", ")}' are missing from '${shown}'.`);
  return { ...dep, locked: Object.fromEntries(values) };
}
