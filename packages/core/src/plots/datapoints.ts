import { isRecord, setKey } from "../formats/pyValues.ts";
import { commonPath } from "./definitions.ts";
import { PlotError } from "./problem.ts";
import { type FileField, fieldsOf, type PlotProps } from "./props.ts";
import type { PlotSource } from "./source.ts";

/** One row of the data of a chart. */
export type Datapoint = Record<string, unknown>;

/** Field of the row number, when no x is given. */
const STEP = "step";
const SEVERAL_X = "dvc_inferred_x_value";
const SEVERAL_Y = "dvc_inferred_y_value";

/** Rows of one revision, with the properties that follow from them. */
export interface Flattened {
  readonly datapoints: Datapoint[];
  /** Empty when there are no rows. */
  readonly props: PlotProps;
}

/**
 * Makes rows out of the files of a plot: joins x and y, and notes on each row its revision, file and field.
 * @param id the plot's own name: the file, when the definition names none
 * @param sources the files that could be read
 * @throws {PlotError} with DVC's texts for fields that are not there and axes that do not fit together.
 */
export function flatten(
  id: string,
  given: PlotProps,
  sources: ReadonlyMap<string, PlotSource>,
  revision: string,
): Flattened {
  const props = withAxes(id, given, sources);
  const tables = new Map([...sources].map(([file, { values }]) => [file, rowsOf(values)]));
  const xs = checkedFields(props["x"], tables);
  const ys = checkedFields(props["y"], tables);
  if (xs.length > 1 && xs.length !== ys.length) {
    throw new PlotError(
      "DvcException",
      `Cannot have different number of x and y data sources. Found ${String(xs.length)} x and ${String(ys.length)} y data sources.`,
    );
  }
  const xField = new Set(xs.map(({ field }) => field)).size > 1 ? SEVERAL_X : (xs[0]?.field ?? STEP);
  const yFields = new Set(ys.map(({ field }) => field));
  const yField = yFields.size > 1 ? SEVERAL_Y : ys[0]?.field;
  const short = shortNames(ys);
  const datapoints: Datapoint[] = [];
  for (const [index, y] of ys.entries()) {
    const rows = (tables.get(y.file) ?? []).map((row) => ({ ...row }));
    if (yField === SEVERAL_Y) copyField(rows, rows, y.field, SEVERAL_Y);
    const x = xs.length > 1 ? xs[index] : xs[0];
    if (x === undefined) for (const [step, row] of rows.entries()) row[STEP] = step;
    else joinX(rows, tables.get(x.file) ?? [], x, y, xField);
    for (const row of rows) Object.assign(row, { rev: revision, filename: short(y.file), field: y.field });
    for (const row of rows) datapoints.push(row);
  }
  if (datapoints.length === 0) return { datapoints, props: {} };
  const definitions = ys.map(({ file, field }) => ({ filename: short(file), field }));
  return { datapoints, props: { ...props, x: xField, y: yField, anchors_y_definitions: definitions } };
}

function joinX(rows: Datapoint[], from: readonly Datapoint[], x: FileField, y: FileField, name: string): void {
  if (from.length !== rows.length) {
    throw new PlotError(
      "DvcException",
      `Cannot join '${x.field}' from '${x.file}' and '${y.field}' from '${y.file}'. They have to have same length.`,
    );
  }
  copyField(rows, from, x.field, name);
}

function copyField(rows: Datapoint[], from: readonly Datapoint[], field: string, name: string): void {
  for (const [index, row] of rows.entries()) {
    const other = from[index];
    if (other !== undefined && Object.hasOwn(other, field)) setKey(row, name, other[field]);
  }
}

/** File names without the folder that all of them share. */
function shortNames(ys: readonly FileField[]): (file: string) => string {
  const files = new Set(ys.map(({ file }) => file));
  const shared = files.size > 1 ? commonPath(...files).length : 0;
  return (file) => file.slice(shared).replace(/^[/\\]+|[/\\]+$/g, "");
}

/** The fields of an axis; each must be in the first row of its file. */
function checkedFields(axis: unknown, tables: ReadonlyMap<string, readonly Datapoint[]>): FileField[] {
  const fields = fieldsOf(axis);
  for (const { file, field } of fields) {
    const rows = tables.get(file);
    if (rows === undefined) continue;
    const [first] = rows;
    if (first === undefined) throw new PlotError("TypeError", "argument of type 'NoneType' is not iterable");
    if (Object.hasOwn(first, field)) continue;
    const found = Object.keys(first).join(", ");
    throw new PlotError(
      "FieldNotFoundError",
      `Could not find provided field ('${field}') in data fields ('${found}').`,
    );
  }
  return fields;
}

/** The properties with x and y as `{file: field}` and with labels; what is not given is taken from the data. */
function withAxes(id: string, given: PlotProps, sources: ReadonlyMap<string, PlotSource>): PlotProps {
  const props: Record<string, unknown> = { ...given };
  const { x, y } = given as { readonly x?: unknown; readonly y?: unknown };
  if (typeof x === "string") {
    const perFile = (fields: unknown): unknown => (Array.isArray(fields) ? fields.map(() => x) : x);
    props["x"] = Object.fromEntries(
      isRecord(y) ? Object.entries(y).map(([file, fields]) => [file, perFile(fields)]) : [[id, x]],
    );
  }
  if (y === undefined || y === null) props["y"] = lastFieldOf(id, sources);
  else if (!isRecord(y)) props["y"] = { [id]: y };
  props["y_label"] = given["y_label"] ?? yLabel(props["y"]);
  props["x_label"] = given["x_label"] ?? xLabel(props["x"]);
  return props;
}

function yLabel(y: unknown): string | null {
  if (!isRecord(y)) return null;
  const names = new Set(fieldsOf(y).map(({ field }) => field));
  const [only] = names;
  return names.size === 1 && only !== undefined ? only : "y";
}

function xLabel(x: unknown): string {
  if (!isRecord(x)) return STEP;
  const names = new Set(fieldsOf(x).map(({ field }) => field));
  const [only] = names;
  return names.size === 1 && only !== undefined ? only : "x";
}

/** y by default: the last field of the first list of rows. */
function lastFieldOf(id: string, sources: ReadonlyMap<string, PlotSource>): unknown {
  const source = sources.get(id);
  if (source === undefined) return null;
  for (const list of listsIn(source.values)) {
    if (!list.every(isRecord)) continue;
    const [first] = list;
    if (first === undefined) throw new PlotError("AttributeError", "'NoneType' object has no attribute 'keys'");
    return { [id]: source.lastField ?? Object.keys(first).at(-1) };
  }
  return null;
}

/** The rows of a file: its lists of records with equal keys, joined side by side. */
function rowsOf(values: unknown): Datapoint[] {
  const rows: Datapoint[] = [];
  for (const list of listsIn(values)) {
    if (!list.every(isRecord)) continue;
    const [first] = list;
    if (first === undefined) throw new PlotError("AttributeError", "'NoneType' object has no attribute 'keys'");
    const isEven = list.every((row) => Object.keys(row).every((key) => Object.hasOwn(first, key)));
    if (!isEven) continue;
    for (const [index, row] of list.entries()) rows[index] = { ...rows[index], ...row };
  }
  return rows;
}

function* listsIn(values: unknown): Generator<unknown[]> {
  if (Array.isArray(values)) yield values as unknown[];
  else if (isRecord(values)) {
    for (const value of Object.values(values)) {
      if (isRecord(value)) yield* listsIn(value);
      else if (Array.isArray(value)) yield value as unknown[];
    }
  } else throw new PlotError("AttributeError", `'${pythonType(values)}' object has no attribute 'values'`);
}

function pythonType(value: unknown): string {
  if (typeof value === "string") return "str";
  if (typeof value === "boolean") return "bool";
  return typeof value === "number" || typeof value === "bigint" ? "int" : "float";
}
