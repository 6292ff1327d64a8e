import { describe, expect, it } from "vitest";
import { hasAnchor } from "./anchors.ts";
import type { PlotProps } from "./props.ts";
import { anchor, type Template, templates } from "./templates.ts";
import { type Chart, vegaSpec } from "./vegaSpec.ts";

const chart = (
  content: Template,
  props: PlotProps,
  rows: Record<string, unknown>[],
  revisions = ["workspace"],
): Chart => ({
  template: { name: "t", content },
  datapoints: rows,
  revisions,
  props: { x: "x", y: "y", x_label: "x", y_label: "y", title: "T", ...props },
});
const one = [{ x: 1, y: 2, rev: "workspace", filename: "a.csv", field: "y" }];

describe("vegaSpec", () => {
  it("fills every template without leaving an anchor, and splits off what a viewer sets", () => {
    for (const [name, content] of templates) {
      expect(hasAnchor(content, "data"), name).toBe(true);
      const whole = chart(content, { anchors_y_definitions: [{ filename: "a.csv", field: "y" }] }, one);
      expect(JSON.stringify(vegaSpec(whole).content), name).not.toContain("<DVC_METRIC_");
      const { content: split, anchors } = vegaSpec(whole, true);
      expect(JSON.stringify(split), name).toContain(anchor("data"));
      expect(anchors[anchor("data")], name).toEqual([{ x: 1, y: 2, rev: "workspace" }]);
      expect(JSON.stringify(split), name).not.toContain("<DVC_METRIC_X>");
    }
  });

  it("gives each revision a colour and each source a dash, and joins file and field where both differ", () => {
    const rows = [
      { x: 1, v: 2, rev: "a", filename: "one.csv", field: "p" },
      { x: 1, v: 3, rev: "b", filename: "two.csv", field: "q" },
    ];
    const definitions = [
      { filename: "two.csv", field: "q" },
      { filename: "one.csv", field: "p" },
    ];
    const content = {
      data: anchor("data"),
      color: anchor("color"),
      dash: anchor("stroke_dash"),
      group: anchor("group_by_y"),
      pivot: anchor("pivot_field"),
    };
    const spec = vegaSpec(chart(content, { y: "v", anchors_y_definitions: definitions }, rows, ["a", "b"]));
    expect(spec.content).toMatchObject({
      color: { field: "rev", scale: { domain: ["a", "b"], range: ["#945dd6", "#13adc7"] } },
      dash: {
        field: "filename::field",
        scale: {
          domain: ["one.csv::p", "two.csv::q"],
          range: [
            [1, 0],
            [8, 8],
          ],
        },
      },
      group: ["rev", "filename::field", "v"],
      pivot: "datum.rev + '::' + datum.filename + '::' + datum.field",
      data: [
        { x: 1, v: 2, rev: "a", "filename::field": "one.csv::p" },
        { x: 1, v: 3, rev: "b", "filename::field": "two.csv::q" },
      ],
    });
  });

  it("escapes names of fields that Vega would read as paths, and fills texts inside texts", () => {
    const content = {
      data: anchor("data"),
      x: anchor("x"),
      note: `of ${anchor("title")}`,
      list: [`of ${anchor("title")}`],
    };
    const rows = [{ "a.b[0]": 1, y: 2, rev: "workspace", filename: "f", field: "y" }];
    const spec = vegaSpec(chart(content, { x: "a.b[0]", title: "$& T" }, rows)).content;
    expect(spec).toMatchObject({ x: "a\\.b\\[0\\]", note: "of $& T", list: ["of <DVC_METRIC_TITLE>"] });
  });

  it("refuses fields that no row has and templates without data", () => {
    expect(() => vegaSpec(chart({ data: anchor("data") }, { x: "no" }, one))).toThrow(
      "Field 'no' does not exist in provided data.",
    );
    expect(() => vegaSpec(chart({}, {}, one))).toThrow("Template 't' is not using '<DVC_METRIC_DATA>' anchor");
  });
});
