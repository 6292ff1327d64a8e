import { join } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { pyJsonDumps } from "../formats/pyJson.ts";
import { writeFileAtomic } from "../fs/atomic.ts";
import { writeImages } from "../plots/images.ts";
import { makeFolder } from "../plots/outputFolder.ts";
import type { PngAssets } from "../plots/png.ts";
import { TemplateError } from "../plots/problem.ts";
import type { TerminalOptions } from "../plots/terminal.ts";
import { drawnSpec, vegaSpec } from "../plots/vegaSpec.ts";
import type { Repo } from "../repo/repo.ts";
import type { Plot, PlotsResult } from "./plots.ts";

export { opensPages, plotsFolder } from "../plots/outputFolder.ts";
export type { PngAssets } from "../plots/png.ts";
export type { TerminalOptions } from "../plots/terminal.ts";

/**
 * The document of `plots show --json`, as DVC prints it; pictures are written into `folder`.
 * @param split leave data, titles and colours out of the charts and list them beside, as editors want it
 */
export function plotsJson(repo: Repo, result: PlotsResult, folder: OsPath, split: boolean): string {
  const data: Record<string, unknown> = {};
  const errors: unknown[] = [];
  for (const plot of result.plots) {
    data[plot.name] = entriesOf(repo, plot, folder, split);
    for (const { name, rev, source, type, msg } of plot.errors) errors.push({ name, rev, source, type, msg });
  }
  for (const { rev, type, msg } of result.revisionErrors) errors.push({ rev, type, msg });
  return pyJsonDumps({
    ...(errors.length === 0 ? {} : { errors }),
    ...(result.plots.length === 0 ? {} : { data }),
  });
}

function entriesOf(repo: Repo, plot: Plot, folder: OsPath, split: boolean): unknown[] {
  if (plot.kind === "image") {
    if (plot.images.length > 0) makeFolder(repo, folder);
    return writeImages(plot, folder).map(({ image, path }) => ({
      type: "image",
      revisions: [image.revision],
      url: path,
    }));
  }
  const { chart } = plot;
  if (chart.datapoints.length === 0) return [];
  const { content, anchors } = vegaSpec(chart, split);
  return [
    {
      type: "vega",
      revisions: chart.revisions,
      content,
      ...(split ? { anchor_definitions: anchors } : {}),
    },
  ];
}

/** The filled template of the first chart as JSON; undefined when there is no chart. */
export function plotsVega(result: PlotsResult): string | undefined {
  const plot = result.plots.find(({ kind }) => kind === "vega");
  if (plot?.kind !== "vega") return undefined;
  return pyJsonDumps(plot.chart.datapoints.length === 0 ? {} : vegaSpec(plot.chart).content);
}

/** Writes each chart as an SVG file, named after the plot. @returns the paths @throws {DvcError} when Vega can't draw some; the others are written */
export async function plotsSvg(repo: Repo, result: PlotsResult, folder: OsPath): Promise<OsPath[]> {
  return writeCharts(repo, result, folder, "svg", (svg) => Promise.resolve(svg));
}

/** Writes each chart as a PNG file, named after the plot. @returns the paths @throws {ConfigError} see `pngOf` */
export async function plotsPng(repo: Repo, result: PlotsResult, folder: OsPath, assets?: PngAssets): Promise<OsPath[]> {
  const { pngOf } = await import("../plots/png.ts");
  return writeCharts(repo, result, folder, "png", (svg) => pngOf(svg, assets));
}

async function writeCharts(
  repo: Repo,
  result: PlotsResult,
  folder: OsPath,
  ending: string,
  draw: (svg: string) => Promise<string | Uint8Array>,
): Promise<OsPath[]> {
  const { svgOf } = await import("../plots/svg.ts");
  const written: OsPath[] = [];
  const failed: string[] = [];
  for (const plot of result.plots) {
    if (plot.kind !== "vega" || plot.chart.datapoints.length === 0) continue;
    const path = join(folder, `${plot.name.replace(/[^\p{L}\p{N}._-]+/gu, "_").replace(/^\.+/, "_")}.${ending}`);
    let svg: string;
    try {
      svg = await svgOf(drawnSpec(plot.chart));
    } catch (error) {
      if (error instanceof DvcError || error instanceof TemplateError) throw error;
      failed.push(`'${plot.name}': ${(error as Error).message}`);
      continue;
    }
    const drawing = await draw(svg);
    makeFolder(repo, folder);
    writeFileAtomic(path, drawing, { noSync: true, tidies: true, inside: folder });
    written.push(path);
  }
  if (failed.length > 0)
    throw new DvcError(`failed to draw ${failed.join("; ")}`, {
      code: "format",
      hint: "Vega can't make sense of the template with these fields; the other charts were written.",
    });
  return written;
}

/** One drawing in text for each plot; for what text can't show, a line that says so. */
export async function plotsTerminal(result: PlotsResult, options: TerminalOptions): Promise<string[]> {
  const { terminalChart } = await import("../plots/terminal.ts");
  const drawings: string[] = [];
  for (const plot of result.plots) {
    const drawing =
      plot.kind === "vega" && plot.chart.datapoints.length > 0 ? await terminalChart(plot.chart, options) : undefined;
    drawings.push(drawing ?? `${plot.name}: not a chart of numbers, not drawn here`);
  }
  return drawings;
}
