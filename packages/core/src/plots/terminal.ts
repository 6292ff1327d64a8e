import { importPackage } from "../fs/optionalPackage.ts";
import { toPlainJson } from "./plainJson.ts";
import type { Chart } from "./vegaSpec.ts";

export interface TerminalOptions {
  /** Columns of the drawing's inside. */
  readonly width: number;
  /** Lines of it. */
  readonly height: number;
  readonly colour: boolean;
}

const COLOURS = ["ansiMagenta", "ansiCyan", "ansiRed", "ansiGreen", "ansiBlue", "ansiYellow"] as const;

/** A chart of numbers as text; undefined when x or y are no numbers, or its template draws something else. */
export async function terminalChart(chart: Chart, options: TerminalOptions): Promise<string | undefined> {
  if (/^(confusion|bar_)/.test(chart.template.name)) return undefined;
  const series = seriesOf(chart);
  if (series.size === 0) return undefined;
  const { plot } = await importPackage(
    "simple-ascii-chart",
    "plots in the terminal",
    () => import("simple-ascii-chart"),
  );
  const { props } = chart;
  const names = [...series.keys()];
  const drawing = plot([...series.values()], {
    width: options.width,
    height: options.height,
    title: clean(props["title"]),
    xLabel: clean(props["x_label"]),
    yLabel: clean(props["y_label"]),
    legend: { position: "bottom", series: names },
    ...(options.colour ? { color: names.map((_, index) => COLOURS[index % COLOURS.length] ?? "ansiCyan") } : {}),
  });
  return drawing.replace(/[ \t]+$/gm, "").replace(/^\n+|\n+$/g, "");
}

/** Points by revision and, when there are several, by source. */
function seriesOf({ datapoints, props }: Chart): Map<string, [number, number][]> {
  const { x, y } = props as { readonly x?: unknown; readonly y?: unknown };
  const series = new Map<string, [number, number][]>();
  if (typeof x !== "string" || typeof y !== "string") return series;
  const definitions = props["anchors_y_definitions"];
  const isMany = Array.isArray(definitions) && definitions.length > 1;
  for (const row of datapoints) {
    const [across, up] = [numberOf(row[x]), numberOf(row[y])];
    if (across === undefined || up === undefined) continue;
    const name = clean([row["rev"], ...(isMany ? [row["filename"], row["field"]] : [])].join(" "));
    const points = series.get(name) ?? [];
    points.push([across, up]);
    series.set(name, points);
  }
  for (const points of series.values()) points.sort(([a], [b]) => a - b);
  return series;
}

function numberOf(value: unknown): number | undefined {
  const plain = toPlainJson(value);
  const number = typeof plain === "string" && plain.trim() !== "" ? Number(plain) : plain;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

/** Text of a stranger without what a terminal would act on. */
function clean(text: unknown): string {
  return typeof text === "string" ? text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?") : "";
}
