import { describe, expect, it } from "vitest";
import { svgOf } from "./svg.ts";
import { templates } from "./templates.ts";
import { vegaSpec } from "./vegaSpec.ts";

describe("svgOf", () => {
  it.each([...templates.keys()])("draws %s", async (name) => {
    const rows = [1, 2, 3].map((x) => ({ x, y: x * x, rev: "workspace", filename: "f", field: "y" }));
    const props = { x: "x", y: "y", x_label: "across", y_label: "up", title: "A title" };
    const content = templates.get(name) ?? {};
    const spec = vegaSpec({ template: { name, content }, datapoints: rows, revisions: ["workspace"], props });
    const svg = await svgOf(spec.content);
    expect(svg).toMatch(/^<svg /);
    expect(svg).toContain("A title");
    expect(svg).toContain("across");
  });

  it("opens no file and runs no code of the document", async () => {
    const outside = { data: { url: "/etc/passwd" }, mark: "point", encoding: { x: { field: "root" } } };
    expect(await svgOf(outside).catch(String)).not.toContain("/bin/");
    const code = {
      data: { values: [{ x: 1 }] },
      transform: [{ calculate: "toString.constructor('return process')()", as: "z" }],
      mark: "point",
      encoding: { x: { field: "x" } },
    };
    await expect(svgOf(code)).rejects.toThrow();
  });
});
