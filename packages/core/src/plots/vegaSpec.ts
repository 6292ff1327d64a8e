import { anchorsOf, fillAnchor, hasAnchor } from "./anchors.ts";
import type { Datapoint } from "./datapoints.ts";
import type { NamedTemplate } from "./findTemplate.ts";
import { TemplateError } from "./problem.ts";
import type { PlotProps } from "./props.ts";
import { anchor, type Template } from "./templates.ts";

/** A chart ready to be filled into its template. */
export interface Chart {
  readonly template: NamedTemplate;
  readonly datapoints: readonly Datapoint[];
  /** Revisions that have rows, in their order. */
  readonly revisions: readonly string[];
  /** Title, x, y, labels and `anchors_y_definitions`. */
  readonly props: PlotProps;
}

/** A Vega-Lite document; `anchors` holds what was left out of it, by anchor. */
export interface VegaSpec {
  readonly content: Template;
  readonly anchors: Readonly<Record<string, unknown>>;
}

const SEPARATOR = "::";
/** What a reader of `--split` fills in on its own. */
const SPLIT: ReadonlySet<string> = new Set([
  "color",
  "data",
  "plot_height",
  "plot_width",
  "shape",
  "stroke_dash",
  "title",
  "tooltip",
  "x_label",
  "y_label",
  "zoom_and_pan",
]);
/** Anchors that a template may have. */
const OPTIONAL: readonly string[] = [
  "color",
  "column",
  "group_by_x",
  "group_by_y",
  "group_by",
  "pivot_field",
  "plot_height",
  "plot_width",
  "row",
  "shape",
  "stroke_dash",
  "tooltip",
  "zoom_and_pan",
];
/** What revisions and sources are told apart by, in this order and then from the start again. */
const RANGES: Readonly<Record<"color" | "shape" | "stroke_dash", readonly unknown[]>> = {
  color: ["#945dd6", "#13adc7", "#f46837", "#48bb78", "#4299e1", "#ed8936", "#f56565"],
  shape: ["circle", "square", "triangle", "diamond"],
  stroke_dash: [
    [1, 0],
    [8, 8],
    [8, 4],
    [4, 4],
    [4, 2],
    [2, 1],
    [1, 1],
  ],
};
const SIDE = 300;
/** Vega reads dots and brackets in names of fields as paths: what DVC escapes, and all that Vega's parser heeds. */
const PATH_SIGNS = /[.[\]]/g;
const VEGA_SIGNS = /[.[\]"'`\\]/g;

/**
 * Fills the template of a chart.
 * @param split leave what a viewer sets itself (data, title, colours…) as anchors and list the values beside
 * @throws {TemplateError} for fields that no row has and templates without a place for the data.
 */
export function vegaSpec(chart: Chart, split = false): VegaSpec {
  return new Filling(chart, split, PATH_SIGNS).run();
}

/** The filled template for Vega's own renderer, which takes quotes in names of fields only when they are escaped as well. */
export function drawnSpec(chart: Chart): Template {
  return new Filling(chart, false, VEGA_SIGNS).run().content;
}

class Filling {
  readonly #chart: Chart;
  readonly #split: boolean;
  readonly #signs: RegExp;
  readonly #anchors: Record<string, unknown> = {};
  #content: Template;

  /** `signs`: those to escape in names of fields. */
  constructor(chart: Chart, split: boolean, signs: RegExp) {
    this.#chart = chart;
    this.#split = split;
    this.#signs = signs;
    this.#content = chart.template.content;
  }

  run(): VegaSpec {
    const { props, datapoints, template } = this.#chart;
    for (const field of [props["x"], props["y"]]) {
      if (typeof field !== "string" || field === "") continue;
      if (!datapoints.some((row) => Object.hasOwn(row, field))) {
        throw new TemplateError(`Field '${field}' does not exist in provided data.`);
      }
    }
    const rows = this.#optional();
    const values: Readonly<Record<string, unknown>> = {
      title: props["title"] ?? null,
      x: escaped(props["x"], this.#signs),
      y: escaped(props["y"], this.#signs),
      x_label: props["x_label"] ?? null,
      y_label: props["y_label"] ?? null,
      data: rows,
    };
    if (!this.#split && !hasAnchor(this.#content, "data")) {
      throw new TemplateError(`Template '${template.name}' is not using '${anchor("data")}' anchor`);
    }
    for (const [name, value] of Object.entries(values)) if (value !== null) this.#fill(name, value);
    return { content: this.#content, anchors: this.#anchors };
  }

  #fill(name: string, value: unknown): void {
    if (this.#split && SPLIT.has(name)) this.#anchors[anchor(name)] = value;
    else this.#content = fillAnchor(this.#content, name, value);
  }

  /** Fills the anchors that the template happens to have. @returns the rows without what is the same in all. */
  #optional(): readonly Datapoint[] {
    const { datapoints, props, revisions } = this.#chart;
    const left = new Set(anchorsOf(this.#content, OPTIONAL));
    if (left.size === 0) return datapoints;
    const put = (name: string, value: unknown): void => {
      if (left.delete(name)) this.#fill(name, value);
    };
    put("color", mapping("color", "rev", revisions));
    put("zoom_and_pan", { name: "grid", select: "interval", bind: "scales" });
    put("plot_height", SIDE);
    put("plot_width", SIDE);
    const definitions = (props["anchors_y_definitions"] ?? []) as readonly Readonly<Record<string, string>>[];
    const varied =
      definitions.length <= 1
        ? []
        : ["filename", "field"].filter((key) => new Set(definitions.map((one) => one[key])).size > 1);
    const group = varied.join(SEPARATOR);
    const groups = definitions.length <= 1 ? ["rev"] : ["rev", group];
    put("group_by", groups);
    put("group_by_x", [...groups, props["x"]]);
    put("group_by_y", [...groups, props["y"]]);
    put("pivot_field", ["rev", ...varied].map((key) => `datum.${key}`).join(` + '${SEPARATOR}' + `));
    put("tooltip", [
      { field: "rev" },
      { field: props["x"] },
      { field: props["y"] },
      ...(definitions.length <= 1 ? [] : [{ field: group }]),
    ]);
    if (definitions.length > 1) {
      const keyOf = (one: Readonly<Record<string, string>>): string => varied.map((key) => one[key]).join(SEPARATOR);
      const domain = [...new Set(definitions.map(keyOf))].sort();
      put("row", { field: group, sort: [] });
      put("column", { field: group, sort: [] });
      put("stroke_dash", mapping("stroke_dash", group, domain));
      put("shape", mapping("shape", group, domain));
    }
    for (const name of left) this.#content = fillAnchor(this.#content, name, {});
    return datapoints.map((row) => trimmed(row, varied));
  }
}

function mapping(name: keyof typeof RANGES, field: string, domain: readonly string[]): unknown {
  const all = RANGES[name];
  const range = domain.map((_, index) => all[index % all.length]);
  const legend = { symbolFillColor: "transparent", symbolStrokeColor: "grey" };
  return { field, scale: { domain, range }, ...(name === "color" ? {} : { legend }) };
}

/** A row without its file and field, as far as they are the same in all rows; where both differ, joined in one field. */
function trimmed(row: Datapoint, varied: readonly string[]): Datapoint {
  const { filename, field, ...rest } = row;
  if (varied.length === 2) {
    return { ...rest, [varied.join(SEPARATOR)]: `${String(filename)}${SEPARATOR}${String(field)}` };
  }
  if (varied[0] === "filename") return { ...rest, filename };
  return varied[0] === "field" ? { ...rest, field } : rest;
}

function escaped(field: unknown, signs: RegExp): string | null {
  return typeof field === "string" ? field.replace(signs, "\\$&") : null;
}
