import { isRecord } from "../formats/pyValues.ts";

/** How a plot is drawn: the keys of `plots` entries in `dvc.yaml`. Values are as written: nothing is checked here. */
export type PlotProps = Readonly<Record<string, unknown>>;

/** Names of the display properties, in DVC's order. */
export const PLOT_PROPERTIES: readonly string[] = ["template", "x", "y", "x_label", "y_label", "title", "header"];

/** The properties among the options of an output. */
export function propsOfOutput(plot: unknown): PlotProps {
  if (!isRecord(plot)) return {};
  return Object.fromEntries(PLOT_PROPERTIES.filter((key) => Object.hasOwn(plot, key)).map((key) => [key, plot[key]]));
}

/** A field with the file that holds it. */
export interface FileField {
  readonly file: string;
  readonly field: string;
}

/** The fields of an axis given as `{file: field}` or `{file: [fields]}`. */
export function fieldsOf(axis: unknown): FileField[] {
  if (!isRecord(axis)) return [];
  return Object.entries(axis).flatMap(([file, fields]) =>
    (Array.isArray(fields) ? (fields as unknown[]) : [fields]).flatMap((field) =>
      typeof field === "string" ? [{ file, field }] : [],
    ),
  );
}

/** The files a plot is drawn from, each once: those of `y`, else the one it is named after; then that of `x`. */
export function sourcesOf(id: string, props: PlotProps): string[] {
  const sources = isRecord(props["y"]) ? Object.keys(props["y"]) : [id];
  const [x] = isRecord(props["x"]) ? Object.keys(props["x"]) : [];
  return [...new Set(x === undefined ? sources : [...sources, x])];
}
