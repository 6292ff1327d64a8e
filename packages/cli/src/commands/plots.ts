import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { CommandFailure } from "../exit.ts";
import type { PlotProps, PlotsOptions, PlotsResult } from "@holdfast/core/api/plots";
import type { Repo } from "@holdfast/core/api/open";
import {
  type Command,
  type CommandGroup,
  defineCommand,
  flag,
  many,
  maybe,
  one,
  type OptionSpec,
  text,
  words,
} from "../command.ts";
import type { Context } from "../context.ts";
import { JsonText } from "../render/json.ts";

const propertyOptions = {
  template: {
    flags: ["-t", "--template"],
    kind: "value",
    nargs: "?",
    metavar: "<path>",
    help: "Name of a template, or a file with one.",
    default: undefined,
    complete: "file",
  } as OptionSpec<string | undefined>,
  x: text("-x", "<field>", "The field of the x axis."),
  y: text("-y", "<field>", "The field of the y axis."),
  noHeader: flag("--no-header", "The CSV or TSV file has no row of names."),
  title: text("--title", "<text>", "Title of the plot."),
  xLabel: text("--x-label", "<text>", "Label of the x axis."),
  yLabel: text("--y-label", "<text>", "Label of the y axis."),
};

const outputOptions = {
  out: text("-o/--out", "<path>", "Folder for the page (default: dvc_plots).", { complete: "dir" }),
  showVega: flag("--show-vega", "Print the one target's chart as Vega-Lite."),
  json: flag("--json", "Print all plots as JSON.", { hidden: true }),
  split: flag("--split", "With --json: data, titles and colours beside the charts.", { hidden: true }),
  open: flag("--open", "Open the page in the browser."),
  htmlTemplate: text("--html-template", "<path>", "A page of your own with {plot_divs} in it.", { complete: "file" }),
  svg: text("--svg", "<path>", "Write each chart into this folder as SVG instead of a page.", {
    own: true,
    complete: "dir",
  }),
  png: text("--png", "<path>", "Write each chart into this folder as PNG instead of a page.", {
    own: true,
    complete: "dir",
  }),
  terminal: flag("--terminal", "Draw the charts as text instead of a page.", { own: true }),
};

interface PropertyValues {
  readonly template: string | undefined;
  readonly x: string | undefined;
  readonly y: string | undefined;
  readonly noHeader: boolean;
  readonly title: string | undefined;
  readonly xLabel: string | undefined;
  readonly yLabel: string | undefined;
}

interface OutputValues {
  readonly out: string | undefined;
  readonly showVega: boolean;
  readonly json: boolean;
  readonly split: boolean;
  readonly open: boolean;
  readonly htmlTemplate: string | undefined;
  readonly svg: string | undefined;
  readonly png: string | undefined;
  readonly terminal: boolean;
}

/** Only what was given: what was not must not hide what the definitions say. */
function propsOf(values: PropertyValues): PlotProps {
  const { template, x, y, noHeader, title, xLabel, yLabel } = values;
  const props = { template, x, y, x_label: xLabel, y_label: yLabel, title, header: noHeader ? false : undefined };
  return Object.fromEntries(Object.entries(props).filter(([, value]) => value !== undefined));
}

function callOf(context: Context, targets: readonly string[], values: PropertyValues): PlotsOptions {
  return {
    ...context.call,
    targets,
    props: propsOf(values),
    onUnreadable: (revisions) => {
      const names = revisions.join(", ");
      context.output.errorLine(`DVC failed to load some plots for following revisions: '${names}'.`);
    },
  };
}

const show: Command = defineCommand({
  name: "show",
  summary: "Draw plots of the workspace.",
  description: "Writes a page with the plots that dvc.yaml defines, or with those of the files given.",
  docs: "plots/show",
  examples: [
    { text: "All plots, in one page", command: "plots show" },
    { text: "A file as a confusion matrix", command: "plots show classes.csv -t confusion -x actual -y predicted" },
    { text: "Each chart as an image, for a report", command: "plots show --png charts" },
    { text: "A curve in the terminal", command: "plots show loss.csv --terminal" },
  ],
  options: { ...propertyOptions, ...outputOptions },
  positionals: { targets: many("Files, or names of plots in dvc.yaml; all plots when none is given.", "file") },
  failure: "",
  async run(context, args) {
    const { targets } = args;
    refuseMisuse(args, targets);
    const { plotsShow } = await import("@holdfast/core/api/plots");
    const repo = await context.open({ uninitialized: true });
    return output(context, repo, await plotsShow(repo, callOf(context, targets, args)), args);
  },
  toJson: (printed) => printed,
});

const diff: Command = defineCommand({
  name: "diff",
  summary: "Draw plots of several revisions in one.",
  docs: "plots/diff",
  examples: [
    { text: "The workspace beside the last commit", command: "plots diff" },
    { text: "Two branches", command: "plots diff main new-model --targets loss.csv" },
  ],
  options: {
    targets: words("--targets", "<paths>", "Only these files or names of plots.", { complete: "file" }),
    experiment: flag("-e/--experiment", "Accepted for scripts.", { hidden: true }),
    ...propertyOptions,
    ...outputOptions,
  },
  positionals: { revisions: many("Revisions (default: HEAD and the workspace).") },
  failure: "",
  async run(context, args) {
    const targets = args.targets ?? [];
    refuseMisuse(args, targets);
    const { plotsDiff } = await import("@holdfast/core/api/plots");
    const repo = await context.open({ uninitialized: true });
    return output(context, repo, await plotsDiff(repo, args.revisions, callOf(context, targets, args)), args);
  },
  toJson: (printed) => printed,
});

function refuseMisuse({ showVega, json }: OutputValues, targets: readonly string[]): void {
  if (!showVega) return;
  if (targets.length === 0) throw new CommandFailure("please specify a target for `--show-vega`", undefined);
  if (targets.length > 1) throw new CommandFailure("you can only specify one target for `--show-vega`", undefined);
  if (json) throw new CommandFailure("'--show-vega' and '--json' are mutually exclusive options.", undefined);
}

/** Prints or writes what was asked for. @returns the JSON to print, with `--json` */
async function output(
  context: Context,
  repo: Repo,
  result: PlotsResult,
  args: OutputValues,
): Promise<JsonText | undefined> {
  if (!result.isAny && !args.json) {
    context.output.errorLine("No plots were loaded, visualization file will not be created.");
  }
  const render = await import("@holdfast/core/api/plotsRender");
  if (args.json) {
    return new JsonText(render.plotsJson(repo, result, render.plotsFolder(repo, args.out), args.split));
  }
  if (args.showVega) {
    const vega = render.plotsVega(result);
    if (vega !== undefined) context.line(vega);
  } else if (args.terminal) {
    const columns = (process.stdout as { readonly columns?: number }).columns;
    const size = { width: Math.max(20, Math.min(columns ?? 80, 120) - 16), height: 16 };
    const colour = context.paint("x", "red") !== "x";
    for (const drawing of await render.plotsTerminal(result, { ...size, colour })) context.block(`${drawing}\n`);
  } else if (args.svg === undefined && args.png === undefined) await writePage(context, repo, result, args);
  else {
    const folderOf = (word: string): string => resolve(context.env.cwd, word);
    const svg = args.svg === undefined ? [] : await render.plotsSvg(repo, result, folderOf(args.svg));
    const png = args.png === undefined ? [] : await render.plotsPng(repo, result, folderOf(args.png), pngAssets());
    for (const path of [...svg, ...png]) context.line(pathToFileURL(path).href);
  }
  return undefined;
}

/** What images are drawn with, beside the program. */
function pngAssets(): { readonly wasm: string; readonly font: string } {
  const at = (name: string): string => fileURLToPath(new URL(`./plots/${name}`, import.meta.url));
  return { wasm: at("resvg.wasm"), font: at("font.ttf") };
}

async function writePage(context: Context, repo: Repo, result: PlotsResult, args: OutputValues): Promise<void> {
  const { opensPages, plotsFolder } = await import("@holdfast/core/api/plotsRender");
  const { plotsPage } = await import("@holdfast/core/api/plotsPage");
  const page = plotsPage(repo, result, {
    folder: plotsFolder(repo, args.out),
    script: scriptFile(),
    ...(args.htmlTemplate === undefined ? {} : { htmlTemplate: args.htmlTemplate }),
  });
  if (page === undefined) return;
  const url = pathToFileURL(page).href;
  context.line(url);
  const isAlways = opensPages(repo);
  if (!args.open && !isAlways) return;
  if (!isAlways) context.line("To enable auto opening, you can run:\n\n\tdvc config plots.auto_open true");
  const { openInBrowser } = await import("../openInBrowser.ts");
  openInBrowser(url);
}

/** The script of the pages, beside the program. */
function scriptFile(): string {
  return fileURLToPath(new URL("./plots/vega.js", import.meta.url));
}

const modify: Command = defineCommand({
  name: "modify",
  summary: "Change how a plot of a stage is drawn.",
  description: "Writes display properties of an output of a stage to its dvc.yaml. The output becomes a plot by it.",
  docs: "plots/modify",
  examples: [
    { text: "Name the axes", command: "plots modify loss.csv -x epoch -y loss" },
    { text: "Back to the default template", command: "plots modify loss.csv --unset template" },
  ],
  options: {
    ...propertyOptions,
    unset: words("--unset", "<property>", "Properties to take away: x, y, title, template, x_label, y_label, header."),
  },
  positionals: { target: one("The output of a stage.", "file") },
  async run(context, { target, unset, ...values }) {
    const { plotsModify } = await import("@holdfast/core/api/plotsModify");
    const change = { set: propsOf(values), ...(unset === undefined ? {} : { unset }) };
    return plotsModify(await context.open(), target, change, context.call);
  },
});

const templates: Command = defineCommand({
  name: "templates",
  summary: "List the templates for plots, or print one.",
  docs: "plots/templates",
  examples: [
    { text: "The names", command: "plots templates" },
    { text: "Start a template of your own from one", command: "plots templates linear > .dvc/plots/mine.json" },
  ],
  options: {},
  positionals: { template: maybe("Name of a template.") },
  failure: "",
  async run(context, { template }) {
    await context.open();
    const { plotsTemplate, plotsTemplates } = await import("@holdfast/core/api/plotsTemplates");
    return template === undefined ? plotsTemplates() : plotsTemplate(template);
  },
  render(result, context) {
    if (Array.isArray(result)) for (const name of result as readonly string[]) context.line(name);
    else context.json(result);
  },
});

/** `plots`. */
export const plots: CommandGroup = {
  name: "plots",
  summary: "Draw and compare plots.",
  docs: "plots",
  commandsHelp: "What to do with plots.",
  commands: [show, diff, modify, templates],
};
