import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { DvcError, UnsafePathError } from "../base/errors.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import { pyJsonDumps } from "../formats/pyJson.ts";
import { writeFileAtomic } from "../fs/atomic.ts";
import { writeImages } from "../plots/images.ts";
import { type PageItem, pageHtml } from "../plots/page.ts";
import { terminalChart, type TerminalOptions } from "../plots/terminal.ts";
import { vegaSpec } from "../plots/vegaSpec.ts";
import type { Repo } from "../repo/repo.ts";
import type { Plot, PlotsResult } from "./plots.ts";

export type { TerminalOptions } from "../plots/terminal.ts";

/** Where the pages of plots go when neither the user nor the config says. */
const DEFAULT_FOLDER = "dvc_plots";

/**
 * The folder for pages and pictures: as asked for, `plots.out_dir` of the config, or `dvc_plots`.
 * @throws {UnsafePathError} when the project's committed config points out of the project
 */
export function plotsFolder(repo: Repo, asked: string | undefined): OsPath {
  const setting = repo.config.lookup("plots", "out_dir");
  const folder = resolve(repo.env.cwd, asked ?? setting?.value ?? DEFAULT_FOLDER);
  if (asked === undefined && setting?.level === "project" && !isInside(repo.root, folder)) {
    throw new UnsafePathError(`plots.out_dir of the project's config leads out of the project: '${folder}'`, {
      hint: "Nothing was written. Name the folder with --out if you trust it.",
    });
  }
  return folder;
}

/** Makes the folder, unless a link on its way leads out of the project. */
function makeFolder(repo: Repo, folder: OsPath): void {
  mkdirSync(folder, { recursive: true });
  if (isInside(repo.root, folder) && !isInside(realpathSync(repo.root), realpathSync(folder))) {
    throw new UnsafePathError(`'${folder}' is a link that leaves the project`, { hint: "Nothing was written there." });
  }
}

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

export interface PlotsPageOptions {
  /** Folder of the page; pictures go into `static` below it. */
  readonly folder: OsPath;
  /** A page with `{plot_divs}` in it, instead of `plots.html_template` of the config. */
  readonly htmlTemplate?: string;
  /** File of the script that defines `vegaEmbed`. */
  readonly script: OsPath;
}

/**
 * Writes `index.html` with all plots.
 * @returns its path; undefined, and nothing written, when there are no plots
 * @throws {TemplateError} for fields and templates that don't fit, {UnsafePathError}
 */
export function plotsPage(repo: Repo, result: PlotsResult, options: PlotsPageOptions): OsPath | undefined {
  if (result.plots.length === 0) return undefined;
  const { folder } = options;
  const page = join(folder, "index.html");
  const items = result.plots.flatMap((plot) => itemOf(repo, plot, folder));
  const template = htmlTemplate(repo, options.htmlTemplate);
  const html = pageHtml(items, {
    script: items.some(({ kind }) => kind === "vega") ? readFileSync(options.script, "utf8") : "",
    digest: (text) => createHash("sha256").update(text).digest("base64"),
    ...template,
  });
  makeFolder(repo, folder);
  writeFileAtomic(page, html, { noSync: true, inside: folder });
  return page;
}

function itemOf(repo: Repo, plot: Plot, folder: OsPath): PageItem[] {
  if (plot.kind === "vega") {
    if (plot.chart.datapoints.length === 0) return [];
    return [{ kind: "vega", name: plot.name, spec: vegaSpec(plot.chart).content }];
  }
  const place = join(folder, "static");
  if (plot.images.length > 0) makeFolder(repo, place);
  const images = writeImages(plot, place).map(({ image, path }) => ({
    revision: image.revision,
    file: relative(folder, path).split(sep).join("/"),
    bytes: image.bytes,
  }));
  return [{ kind: "image", name: plot.name, images }];
}

/** A template that the project's committed config names came with the repository. */
function htmlTemplate(repo: Repo, asked: string | undefined): { template?: string; isTrusted?: boolean } {
  const setting = repo.config.lookup("plots", "html_template");
  if (asked === undefined && setting === undefined) return {};
  const path = asked === undefined ? resolve(repo.dvcDir, setting?.value ?? "") : resolve(repo.env.cwd, asked);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
    if (asked !== undefined && asked.includes("{plot_divs}")) return { template: asked, isTrusted: true };
    throw new DvcError(`HTML template '${asked ?? setting?.value ?? ""}' not found`, { code: "not-found" });
  }
  return { template: readFileSync(path, "utf8"), isTrusted: asked !== undefined || setting?.level !== "project" };
}

/** Writes each chart as an SVG file, named after the plot. @returns the paths */
export async function plotsSvg(repo: Repo, result: PlotsResult, folder: OsPath): Promise<OsPath[]> {
  const { svgOf } = await import("../plots/svg.ts");
  const written: OsPath[] = [];
  for (const plot of result.plots) {
    if (plot.kind !== "vega" || plot.chart.datapoints.length === 0) continue;
    const path = join(folder, `${plot.name.replace(/[^\p{L}\p{N}._-]+/gu, "_").replace(/^\.+/, "_")}.svg`);
    const svg = await svgOf(vegaSpec(plot.chart).content);
    makeFolder(repo, folder);
    writeFileAtomic(path, svg, { noSync: true, inside: folder });
    written.push(path);
  }
  return written;
}

/** One drawing in text for each plot; for what text can't show, a line that says so. */
export async function plotsTerminal(result: PlotsResult, options: TerminalOptions): Promise<string[]> {
  const drawings: string[] = [];
  for (const plot of result.plots) {
    const drawing =
      plot.kind === "vega" && plot.chart.datapoints.length > 0 ? await terminalChart(plot.chart, options) : undefined;
    drawings.push(drawing ?? `${plot.name}: not a chart of numbers, not drawn here`);
  }
  return drawings;
}
