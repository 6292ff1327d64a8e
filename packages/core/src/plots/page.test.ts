import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type PageItem, pageHtml } from "./page.ts";

const digest = (text: string): string => createHash("sha256").update(text).digest("base64");
const evil = `</script><script>alert(1)</script><img src=x onerror="alert(2)">'`;
const page = (items: readonly PageItem[], more: { template?: string; isTrusted?: boolean } = {}): string =>
  pageHtml(items, { script: "window.vegaEmbed = () => {};", digest, ...more });
/** Every script of a page, as a browser takes it. */
const scriptsOf = (html: string): string[] =>
  [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(([, text]) => text ?? "");

describe("pageHtml", () => {
  it("holds a chart as JSON beside the call that draws it", () => {
    const html = page([{ kind: "vega", name: "../loss.csv", spec: { data: { values: [{ x: 1 }] } } }]);
    expect(html).toContain('id="___loss_csv"');
    expect(scriptsOf(html)[1]).toBe(`var spec = {"data": {"values": [{"x": 1}]}}; vegaEmbed("#___loss_csv", spec);`);
  });

  it("allows exactly its own scripts, and no network", () => {
    const html = page([{ kind: "vega", name: "a", spec: {} }]);
    const policy = /content="([^"]*)"/.exec(html)?.[1] ?? "";
    expect(policy).toMatch(/^default-src 'none'; script-src /);
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    expect(policy).not.toContain("http");
    for (const script of scriptsOf(html)) expect(policy).toContain(`'sha256-${digest(script)}'`);
    expect(policy.match(/sha256-/g)).toHaveLength(2);
  });

  it("lets no text of a project become markup or code", () => {
    const html = page([
      { kind: "vega", name: evil, spec: { title: evil, data: { values: [{ [evil]: evil }] } } },
      { kind: "image", name: evil, images: [{ revision: evil, file: `static/${evil}.png`, bytes: Buffer.from("x") }] },
    ]);
    expect(scriptsOf(html)).toHaveLength(2);
    expect(html).not.toContain("<img src=x");
    expect(html).not.toContain("alert(1)</script>");
    const [, script = ""] = scriptsOf(html);
    const json = script.slice("var spec = ".length, script.indexOf("; vegaEmbed"));
    expect(JSON.parse(json)).toEqual({ title: evil, data: { values: [{ [evil]: evil }] } });
  });

  it("shows pictures after charts, numbers in their order, each with its revision", () => {
    const image = (name: string): PageItem => ({
      kind: "image",
      name,
      images: [{ revision: "HEAD", file: `static/HEAD_${name.replace("/", "_")}`, bytes: Buffer.from("png") }],
    });
    const html = page([image("d/10.png"), image("d/2.png"), { kind: "vega", name: "chart", spec: {} }]);
    const places = ['id="chart"', 'id="d_2_png"', 'id="d_10_png"'].map((text) => html.indexOf(text));
    expect(places.every((place) => place > 0)).toBe(true);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(html).toContain("<figcaption>HEAD</figcaption>");
    expect(html).toContain('<img src="data:image/png;base64,cG5n"');
    expect(html).toContain("static/HEAD_d_2.png");
  });

  it("never makes a link of a picture that may hold scripts", () => {
    const item: PageItem = {
      kind: "image",
      name: "a.svg",
      images: [{ revision: "r", file: "static/r_a.svg", bytes: Buffer.from("<svg/>") }],
    };
    expect(page([item])).not.toContain("<a href");
  });

  it("fills a page of one's own; one of a repository gets our policy", () => {
    const template = "<p>mine</p>{scripts}{plot_divs}";
    const items: PageItem[] = [{ kind: "vega", name: "a", spec: { t: "{plot_divs}" } }];
    expect(page(items, { template, isTrusted: true })).toMatch(/^<p>mine<\/p><script>/);
    expect(page(items, { template })).toMatch(/^<meta http-equiv="Content-Security-Policy"/);
    expect(() => page(items, { template: "nothing" })).toThrow("HTML template has to contain '{plot_divs}'.");
  });
});
