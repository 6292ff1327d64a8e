/** A Vega-Lite document; texts of the form `<DVC_METRIC_NAME>` in it are anchors, to be filled. */
export type Template = Readonly<Record<string, unknown>>;

/** The text that stands for a value, by the name of the value. */
export function anchor(name: string): string {
  return `<DVC_METRIC_${name.toUpperCase()}>`;
}

type Spec = Readonly<Record<string, unknown>>;

/** What every chart begins with. */
const page: Spec = {
  $schema: "https://vega.github.io/schema/vega-lite/v5.json",
  data: { values: anchor("data") },
  title: { text: anchor("title"), anchor: "middle" },
};
const size: Spec = { width: anchor("plot_width"), height: anchor("plot_height") };
const zoom: Spec = { params: [anchor("zoom_and_pan")] };

/** An axis on the field that an anchor names. */
function axis(name: "x" | "y", more: Spec = {}): Spec {
  return { field: anchor(name), ...more, title: anchor(`${name}_label`) };
}
const number: Spec = { type: "quantitative" };
const fromData: Spec = { scale: { zero: false } };
const lineY: Spec = { ...axis("y", number), ...fromData };
const byRevision: Spec = { field: "rev", type: "nominal" };
const shapes: Spec = { color: anchor("color"), shape: anchor("shape"), tooltip: anchor("tooltip") };
const point: Spec = { type: "point", tooltip: { content: "data" } };

const simple: Template = {
  ...page,
  ...zoom,
  ...size,
  mark: { type: "line", tooltip: { content: "data" } },
  encoding: {
    x: axis("x", number),
    y: lineY,
    color: anchor("color"),
    strokeDash: anchor("stroke_dash"),
    tooltip: anchor("tooltip"),
  },
};

/** A smoothed line over the faint true one, a dot at its end, and a rule under the pointer that tells all values. */
const linear: Template = {
  ...page,
  ...size,
  params: [{ name: "smooth", value: 0.001, bind: { input: "range", min: 0.001, max: 1, step: 0.001 } }],
  encoding: { x: axis("x", number), color: anchor("color"), strokeDash: anchor("stroke_dash") },
  layer: [
    {
      encoding: { y: lineY, color: byRevision },
      transform: [
        {
          loess: anchor("y"),
          on: anchor("x"),
          groupby: anchor("group_by"),
          bandwidth: { signal: "smooth" },
        },
      ],
      layer: [
        { ...zoom, mark: "line" },
        { mark: "point", transform: [{ filter: { param: "hover", empty: false } }] },
      ],
    },
    {
      mark: { type: "line", opacity: 0.2 },
      encoding: { x: axis("x", number), y: lineY, color: byRevision },
    },
    {
      mark: { type: "circle", size: 10 },
      encoding: {
        x: { aggregate: "max", ...axis("x", number) },
        y: { aggregate: { argmax: anchor("x") }, ...lineY },
        color: byRevision,
      },
    },
    {
      mark: { type: "rule", stroke: "grey", tooltip: { content: "data" } },
      transform: [
        { calculate: anchor("pivot_field"), as: "pivot_field" },
        { pivot: "pivot_field", op: "mean", value: anchor("y"), groupby: [anchor("x")] },
      ],
      params: [
        {
          name: "hover",
          select: { type: "point", fields: [anchor("x")], nearest: true, on: "mouseover", clear: "mouseout" },
        },
      ],
      encoding: { opacity: { condition: { value: 0.3, param: "hover", empty: false }, value: 0 } },
    },
  ],
};

const scatter: Template = {
  ...page,
  ...size,
  ...zoom,
  mark: point,
  encoding: { x: axis("x", number), y: axis("y", number), ...shapes },
};

const scatterJitter: Template = {
  ...page,
  ...size,
  transform: ["randomX", "randomY"].map((as) => ({ calculate: "random()", as })),
  mark: point,
  encoding: {
    x: axis("x"),
    y: axis("y"),
    ...shapes,
    xOffset: { field: "randomX", ...number },
    yOffset: { field: "randomY", ...number },
  },
};

function bars(order: Spec): Template {
  return {
    ...page,
    ...size,
    ...zoom,
    mark: { type: "bar" },
    encoding: {
      x: { ...axis("x", number), ...fromData },
      y: { ...axis("y", { type: "nominal" }), ...order },
      yOffset: { field: "rev", sort: [] },
      color: anchor("color"),
      column: anchor("column"),
    },
  };
}

/** What tells the two confusion matrices apart. */
interface Matrix {
  /** Computes `share` of the counts in `xy_count`. */
  readonly shares: readonly Spec[];
  readonly share: string;
  /** The field that colours a cell, with its scale. */
  readonly colour: Spec;
  readonly tooltip: Spec;
  /** What is written in a cell, if anything. */
  readonly text: Spec;
  readonly params: Spec;
  /** Fields by which absent x are filled in. */
  readonly groupOfX: unknown;
}

/** Counts pairs of x and y, with zero for those that never came; one matrix a revision, the cell under the pointer lit. */
function confusion(matrix: Matrix): Template {
  const nominal = (name: "x" | "y"): Spec => axis(name, { type: "nominal", sort: "ascending" });
  const impute = (key: string, groupby: unknown): Spec => ({ impute: "xy_count", groupby, key: anchor(key), value: 0 });
  const lit: Spec = { param: "label", empty: false };
  return {
    ...page,
    facet: { column: { field: "rev", sort: [] }, row: anchor("row") },
    ...matrix.params,
    spec: {
      transform: [
        { aggregate: [{ op: "count", as: "xy_count" }], groupby: [anchor("y"), anchor("x")] },
        impute("x", matrix.groupOfX),
        impute("y", anchor("group_by_x")),
        ...matrix.shares,
      ],
      encoding: { x: nominal("x"), y: nominal("y") },
      layer: [
        {
          mark: "rect",
          ...size,
          encoding: { color: { ...matrix.colour, type: "quantitative", title: "" } },
        },
        {
          mark: "rect",
          params: [
            { name: "label", select: { type: "point", on: "mouseover", encodings: ["x", "y"], clear: "mouseout" } },
          ],
          encoding: {
            tooltip: [{ field: anchor("x"), type: "nominal" }, { field: anchor("y"), type: "nominal" }, matrix.tooltip],
            opacity: { condition: { ...lit, value: 1 }, value: 0 },
          },
        },
        { transform: [{ filter: lit }], layer: [{ mark: { type: "rect", color: "lightpink" } }] },
        {
          mark: "text",
          encoding: {
            ...matrix.text,
            color: { condition: { test: `datum.${matrix.share} > 0.5`, value: "white" }, value: "black" },
          },
        },
      ],
    },
  };
}

const counts: Matrix = {
  shares: [
    { joinaggregate: [{ op: "max", field: "xy_count", as: "max_count" }], groupby: [] },
    { calculate: "datum.xy_count / datum.max_count", as: "percent_of_max" },
  ],
  share: "percent_of_max",
  colour: { field: "xy_count", scale: { domainMin: 0, nice: true } },
  tooltip: { field: "xy_count", ...number },
  text: { text: { condition: { param: "showValues", field: "xy_count", ...number } } },
  params: { params: [{ name: "showValues", bind: { input: "checkbox" } }] },
  groupOfX: anchor("group_by_y"),
};

const normalized: Matrix = {
  shares: [
    { joinaggregate: [{ op: "sum", field: "xy_count", as: "sum_y" }], groupby: [anchor("y")] },
    { calculate: "datum.xy_count / datum.sum_y", as: "percent_of_y" },
  ],
  share: "percent_of_y",
  colour: { field: "percent_of_y", scale: { domain: [0, 1] } },
  tooltip: { field: "percent_of_y", ...number, format: ".2f" },
  text: {},
  params: {},
  groupOfX: ["rev", anchor("y")],
};

/** The templates by name, in the order of their list. */
export const templates: ReadonlyMap<string, Template> = new Map([
  ["simple", simple],
  ["linear", linear],
  ["confusion", confusion(counts)],
  ["confusion_normalized", confusion(normalized)],
  ["scatter", scatter],
  ["scatter_jitter", scatterJitter],
  ["smooth", linear],
  ["bar_horizontal_sorted", bars({ sort: "-x" })],
  ["bar_horizontal", bars({})],
]);
