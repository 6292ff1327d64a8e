import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";
import type { Event } from "../base/events.ts";
import type { Repo } from "../repo/repo.ts";
import { noteForeign } from "../repo/trust.ts";
import { plotsDiff, type PlotsOptions, type PlotsResult, plotsShow } from "./plots.ts";
import { plotsModify } from "./plotsModify.ts";
import { plotsPage } from "./plotsPage.ts";
import { plotsFolder, plotsJson, plotsSvg, plotsTerminal } from "./plotsRender.ts";

let project: ProjectFixture;
let repo: Repo;
let said: string[];
beforeEach(() => {
  project = makeProject();
  said = [];
});
afterEach(() => {
  project.remove();
});

const reporter = {
  emit(event: Event): void {
    if (event.type === "message") said.push(event.text);
  },
};
const show = (options: PlotsOptions = {}): Promise<PlotsResult> => {
  repo = project.open();
  return plotsShow(repo, { reporter, ...options });
};
interface Shown {
  readonly errors?: readonly Record<string, string>[];
  readonly data?: Record<string, { revisions: string[]; url?: string; anchor_definitions: Record<string, unknown> }[]>;
}
const json = (result: PlotsResult): Shown =>
  JSON.parse(plotsJson(repo, result, join(project.root, "out"), true)) as Shown;
const dataOf = (shown: Shown, name: string): unknown =>
  shown.data?.[name]?.[0]?.anchor_definitions["<DVC_METRIC_DATA>"];

describe("plots", () => {
  it("takes y from the last field and x from the row's number", async () => {
    project.put("p.csv", "a,b\n1,2\n3,4\n");
    expect(dataOf(json(await show({ targets: ["p.csv"] })), "p.csv")).toEqual([
      { a: "1", b: "2", step: 0, rev: "workspace" },
      { a: "3", b: "4", step: 1, rev: "workspace" },
    ]);
  });

  it("joins x of one file with y of others", async () => {
    project.put("dvc.yaml", "plots:\n- joined: {x: {s/x.json: t}, y: {s/a.json: v, s/b.json: v}}\n");
    project.put("s/x.json", '[{"t": 10}, {"t": 20}]');
    project.put("s/a.json", '[{"v": 1.0}, {"v": 2}]');
    project.put("s/b.json", '{"deep": {"rows": [{"v": 3}, {"v": 4}]}}');
    expect(dataOf(json(await show()), "joined")).toEqual([
      { v: 1, t: 10, rev: "workspace", filename: "a.json" },
      { v: 2, t: 20, rev: "workspace", filename: "a.json" },
      { v: 3, t: 10, rev: "workspace", filename: "b.json" },
      { v: 4, t: 20, rev: "workspace", filename: "b.json" },
    ]);
  });

  it("reports what is missing or broken and still shows the rest", async () => {
    project.put("dvc.yaml", "plots: [gone.csv, bad.json, good.csv]\n");
    project.put("bad.json", "[{");
    project.put("good.csv", "a\n1\n");
    const unreadable: string[] = [];
    const result = await show({ onUnreadable: (revisions) => unreadable.push(...revisions) });
    expect(unreadable).toEqual(["workspace"]);
    const { errors, data } = json(result);
    expect(errors?.map(({ source, type }) => [source, type])).toEqual([
      ["gone.csv", "FileNotFoundError"],
      ["bad.json", "JSONFileCorruptedError"],
    ]);
    expect(Object.entries(data ?? {}).map(([name, list]) => [name, list.length])).toEqual([
      ["gone.csv", 0],
      ["bad.json", 0],
      ["good.csv", 1],
    ]);
  });

  it("compares revisions: pictures side by side, curves in one chart", async () => {
    project.put("dvc.yaml", "plots: [p.csv, d]\n");
    project.put("p.csv", "v\n1\n");
    project.put("d/pic.png", "old");
    project.git("add", "-A");
    project.git("commit", "-q", "-m", "one");
    project.put("p.csv", "v\n2\n");
    project.put("d/pic.png", "new");
    repo = project.open();
    const shown = json(await plotsDiff(repo, [], { reporter }));
    expect(shown.data?.["p.csv"]?.[0]?.revisions).toEqual(["workspace", "HEAD"]);
    const pictures = shown.data?.["d/pic.png"] ?? [];
    expect(pictures.map(({ revisions }) => revisions)).toEqual([["workspace"], ["HEAD"]]);
    expect(pictures.map(({ url }) => readFileSync(url ?? "", "utf8"))).toEqual(["new", "old"]);
    await expect(plotsDiff(repo, ["nope"])).rejects.toThrow("unknown Git revision 'nope'");
  });

  it("writes a page, SVG and text", async () => {
    project.put("p.csv", "x,y\n1,2\n2,4\n3,9\n");
    const script = project.put("vega.js", "/* draws */");
    const result = await show({ targets: ["p.csv"], props: { x: "x", title: "T\u001b[31m" } });
    const page = plotsPage(repo, result, { folder: join(project.root, "o"), script });
    expect(readFileSync(page ?? "", "utf8")).toContain("/* draws */");
    const [svg] = await plotsSvg(repo, result, join(project.root, "o"));
    expect(svg).toBe(join(project.root, "o", "p.csv.svg"));
    expect(readFileSync(svg ?? "", "utf8")).toContain("<svg");
    const [drawing = ""] = await plotsTerminal(result, { width: 20, height: 5, colour: false });
    expect(drawing).toContain("T?[31m");
    expect(drawing).toMatch(/9[^\n]*┤/);
    expect(drawing).not.toContain("\u001b");
  });

  it("draws columns whose names hold quotes", async () => {
    project.put("p.csv", `step,"a""b'c\`d"\n1,2\n2,4\n3,9\n`);
    const result = await show({ targets: ["p.csv"], props: { x: "step" } });
    const [path = ""] = await plotsSvg(repo, result, join(project.root, "o"));
    const text = readFileSync(path, "utf8");
    expect(text).toContain(`a"b'c\`d`);
    expect(text).toMatch(/aria-roledescription="line mark"/);
  });

  it("names charts that can't be drawn, and draws the others", async () => {
    const template = { data: { values: "<DVC_METRIC_DATA>" }, mark: "line", transform: [{ filter: "(((" }] };
    project.put(".dvc/plots/odd.json", JSON.stringify(template));
    project.put("p.csv", "x\n1\n2\n");
    project.put("q.csv", "x\n1\n2\n");
    project.put("dvc.yaml", "plots:\n- p.csv:\n    template: odd\n- q.csv\n");
    const folder = join(project.root, "o");
    await expect(plotsSvg(repo, await show({}), folder)).rejects.toThrow("failed to draw 'p.csv': ");
    expect(existsSync(join(folder, "q.csv.svg"))).toBe(true);
  });

  it("writes nowhere outside because a repository says so", async () => {
    project.put("p.csv", "x\n1\n");
    project.put(".dvc/config", "[plots]\n    out_dir = ../../elsewhere\n");
    const result = await show({ targets: ["p.csv"] });
    noteForeign(repo);
    expect(() => plotsFolder(repo, undefined)).toThrow("leads out of the project");
    const elsewhere = join(project.home, "elsewhere");
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, join(project.root, "dvc_plots"));
    const script = project.put("vega.js", "");
    expect(() => plotsPage(repo, result, { folder: join(project.root, "dvc_plots"), script })).toThrow(
      "is a link that leaves the project",
    );
    expect(existsSync(join(elsewhere, "index.html"))).toBe(false);
  });

  it("finds templates in .dvc/plots, and none outside that only dvc.yaml names", async () => {
    project.put(".dvc/plots/mine.json", '{"data": "<DVC_METRIC_DATA>", "mine": true}');
    project.put("p.csv", "x\n1\n");
    const result = await show({ targets: ["p.csv"], props: { template: "mine" } });
    expect(plotsJson(repo, result, project.root, false)).toContain('"mine": true');
    const outside = join(project.home, "secret.json");
    project.put("../home/secret.json", '{"data": "<DVC_METRIC_DATA>"}');
    await expect(show({ targets: ["p.csv"], props: { template: outside } })).resolves.toBeDefined();
    project.put("dvc.yaml", `plots: [{p.csv: {template: ${outside}}}]\n`);
    await expect(show()).rejects.toThrow("lies outside of the project");
    await expect(show({ props: { template: "nope" } })).rejects.toThrow("Template 'nope' not found.");
  });

  it("modifies a plot in dvc.yaml and leaves the rest of the file", async () => {
    project.put(
      "dvc.yaml",
      "# mine\nstages:\n  a:\n    cmd: touch p.csv o\n    outs:\n    - o\n    plots:\n    - p.csv\n",
    );
    repo = project.open();
    await plotsModify(repo, "p.csv", { set: { x: "step", title: "T" } });
    const text = readFileSync(join(project.root, "dvc.yaml"), "utf8");
    expect(text).toMatch(/^# mine\n/);
    expect(text).toMatch(/plots:\n\s+- p.csv:\n\s+x: step\n\s+title: T\n/);
    repo = project.open();
    await expect(plotsModify(repo, "p.csv", { unset: ["y"] })).rejects.toThrow(
      "display properties ['y'] not found in plot 'p.csv'",
    );
    await expect(plotsModify(repo, "o", { unset: ["y"] })).rejects.toThrow("'o' is not a known plot.");
    await expect(plotsModify(repo, "none", { set: { x: "a" } })).rejects.toThrow(
      "Unable to find DVC file with output 'none'",
    );
  });
});
