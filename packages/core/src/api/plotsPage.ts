import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { readPlainText, writeFileAtomic } from "../fs/atomic.ts";
import { writeImages } from "../plots/images.ts";
import { makeFolder } from "../plots/outputFolder.ts";
import { type PageItem, pageHtml } from "../plots/page.ts";
import { drawnSpec } from "../plots/vegaSpec.ts";
import type { Repo } from "../repo/repo.ts";
import { counts } from "../repo/trust.ts";
import type { Plot, PlotsResult } from "./plots.ts";

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
  writeFileAtomic(page, html, { noSync: true, tidies: true, inside: folder });
  return page;
}

function itemOf(repo: Repo, plot: Plot, folder: OsPath): PageItem[] {
  if (plot.kind === "vega") {
    if (plot.chart.datapoints.length === 0) return [];
    return [{ kind: "vega", name: plot.name, spec: drawnSpec(plot.chart) }];
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

/** The page's template; what names no file is one itself. One that the project's committed config names is a stranger's. */
function htmlTemplate(repo: Repo, asked: string | undefined): { template?: string; isTrusted?: boolean } {
  const setting = asked === undefined ? repo.config.lookup("plots", "html_template") : undefined;
  if (asked === undefined && setting === undefined) return {};
  const path = asked === undefined ? resolve(repo.dvcDir, setting?.value ?? "") : resolve(repo.env.cwd, asked);
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  return {
    template: (isFile ? readPlainText(path) : undefined) ?? asked ?? setting?.value ?? "",
    isTrusted: setting === undefined || counts(repo, "plots.html_template", setting.level),
  };
}
