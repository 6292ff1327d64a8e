import { DvcError } from "../base/errors.ts";
import { isRecord, pyEquals } from "../formats/pyValues.ts";
import { dumpYaml, parseYaml, updateYaml } from "../formats/yaml.ts";
import { readPlainText, writeFileAtomic } from "../fs/atomic.ts";
import type { OsPath } from "../base/paths.ts";
import { type Dataset, datasetSpecData } from "./dataset.ts";
import { fileText } from "./display.ts";
import { lockFileOf, type SaveOptions, type Written } from "./save.ts";

/**
 * Writes a data set to dvc.yaml and dvc.lock, in place of the one of the same name. Nothing is written when nothing changed.
 * @param before the entry of dvc.yaml with its templates resolved, when it is there
 * @throws {DvcError} DVC's text for an entry with templates.
 */
export function saveDataset(
  file: OsPath,
  dataset: Dataset,
  before: Readonly<Record<string, unknown>> | undefined,
  options: SaveOptions,
): Written {
  const spec = datasetSpecData(dataset.spec);
  const isNew = before === undefined || !pyEquals(datasetPart(before), spec);
  const changed = isNew ? replaced(file, spec, before, options, (data) => data) : [];
  const { lock } = dataset;
  const completed = (data: Record<string, unknown>): Record<string, unknown> => {
    const { schema: _schema, ...rest } = data;
    return { schema: "2.0", ...rest, ...("stages" in rest ? {} : { stages: {} }) };
  };
  const locked = lock === undefined ? [] : replaced(lockFileOf(file), lock, undefined, options, completed);
  // The name last: an `add` that was cut short before it can be repeated.
  for (const { file, before, text } of [...locked, ...changed]) {
    options.changing?.(file, before, text);
    writeFileAtomic(file, text, { inside: options.root });
  }
  return [...changed, ...locked].map((one) => one.file);
}

/** A file and what shall stand in it. */
interface NewText {
  readonly file: OsPath;
  readonly before: string | undefined;
  readonly text: string;
}

function datasetPart(entry: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const known = ["name", "url", "type", "path", "rev"].filter((key) => entry[key] !== undefined);
  return Object.fromEntries(known.map((key) => [key, entry[key]]));
}

function replaced(
  file: OsPath,
  entry: Readonly<Record<string, unknown>>,
  resolved: Readonly<Record<string, unknown>> | undefined,
  options: SaveOptions,
  complete: (data: Record<string, unknown>) => Record<string, unknown>,
): NewText[] {
  const previous = readPlainText(file);
  const parsed = previous === undefined ? {} : parseYaml(previous, fileText(file, options));
  const data = isRecord(parsed) ? parsed : {};
  const list: unknown[] = Array.isArray(data["datasets"]) ? [...(data["datasets"] as unknown[])] : [];
  const at = list.findIndex((one) => isRecord(one) && one["name"] === entry["name"]);
  if (resolved !== undefined && (at < 0 || !pyEquals(list[at], resolved)))
    throw new DvcError("cannot update a parametrized dataset entry");
  if (at < 0) list.push(entry);
  else list[at] = entry;
  const next = complete({ ...data, datasets: list });
  const text = updated(previous, next, resolved === undefined ? at : -1, fileText(file, options));
  return text === previous ? [] : [{ file, before: previous, text }];
}

/** An entry of dvc.lock (`at`) keeps nothing of the old one, not even the order of its keys; one of dvc.yaml its comments. */
function updated(previous: string | undefined, next: Record<string, unknown>, at: number, file: string): string {
  if (previous === undefined || previous.trim() === "") return dumpYaml(next);
  const list = next["datasets"] as unknown[];
  const emptied = at < 0 ? previous : updateYaml(previous, { ...next, datasets: list.with(at, {}) }, file);
  return updateYaml(emptied, next, file);
}
