import { describe, expect, it } from "vitest";
import { messageOf, stagesOf, viewOf } from "./testProject.ts";
import type { StagesOptions } from "./testProject.ts";

const cmds = (yaml: string, params?: string, options: StagesOptions = {}): Record<string, unknown> => {
  const files = { "dvc.yaml": yaml, ...(params === undefined ? {} : { "params.yaml": params }) };
  return Object.fromEntries(stagesOf(files, options).map((stage) => [stage.name, stage.cmd]));
};
const stage = (cmd: string): string => `stages:\n  s:\n    cmd: ${JSON.stringify(cmd)}\n`;

// The expected texts and messages are those of DVC 3.67.1 on the same files.
describe("templates", () => {
  it("keep nested access, lists, escapes and Python's way to print", () => {
    const params = "d: {a: 1, l: [x, {k: v}]}\nt: true\nn: null\nf: 1.0\ne: 1e20\nbig: 10000000000000000000000\n";
    expect(cmds(stage("echo ${d.a} ${d.l[0]} ${d.l[1].k} ${ d.l.0 } ${d.l[-1].k}"), params)["s"]).toBe(
      "echo 1 x v x v",
    );
    expect(cmds(stage("${t} ${n} ${f} ${e} ${big} \\${t}"), params)["s"]).toBe(
      "true None 1.0 1e+20 10000000000000000000000 ${t}",
    );
  });

  it("point at bad syntax", () => {
    const at = (inner: string): string => messageOf(() => cmds(stage(`echo \${${inner}} z`)));
    const head = "failed to parse 'stages.s.cmd' in 'dvc.yaml':\n";
    expect(at("a[")).toBe(
      `${head}\${a[}\n   ^\nParseException: Expected end of text, found '['  (at char 3), (line:1, col:4)`,
    );
    expect(at("")).toBe(`${head}\${}\n  ^\nParseException: Expected !W:(.[]), found '}'  (at char 2), (line:1, col:3)`);
    expect(at("a.b.")).toBe(
      `${head}\${a.b.}\n     ^\nParseException: Expected end of text, found '.'  (at char 5), (line:1, col:6)`,
    );
  });

  it("name what is missing or cannot be taken", () => {
    expect(messageOf(() => cmds(stage("echo ${no.such}"), "a: 1"))).toBe(
      "failed to parse 'stages.s.cmd' in 'dvc.yaml': Could not find 'no.such'",
    );
    expect(messageOf(() => cmds(stage("echo ${l}"), "l: [1]"))).toBe(
      "failed to parse 'stages.s.cmd' in 'dvc.yaml':\nCannot interpolate data of type 'list'",
    );
    expect(
      messageOf(() =>
        stagesOf({ "dvc.yaml": 'stages:\n  s:\n    cmd: x\n    deps: ["${d}"]\n', "params.yaml": "d: {a: 1}" }),
      ),
    ).toBe("failed to parse 'stages.s.deps' in 'dvc.yaml':\nCannot interpolate data of type 'dict'");
  });

  it("expand a mapping in a command to options", () => {
    const params =
      'd: {foo: foo, bar: 2, string: spaced string, quote: "quote\\"\'d", bool: true, bool-false: false, list: [1, foo, "a b"], nested: {k: v}}';
    expect(cmds(stage("run ${d}"), params)["s"]).toBe(
      `run --foo foo --bar 2 --string 'spaced string' --quote 'quote"'"'"'d' --bool --list 1 foo 'a b' --nested.k v`,
    );
    expect(cmds(stage("run ${d}"), params, { parsing: { bool: "boolean_optional", list: "append" } })["s"]).toBe(
      `run --foo foo --bar 2 --string 'spaced string' --quote 'quote"'"'"'d' --bool --no-bool-false --list 1 --list foo --list 'a b' --nested.k v`,
    );
    expect(messageOf(() => cmds(stage("run ${d}"), "d: {l: [[1]]}"))).toBe(
      "failed to parse 'stages.s.cmd' in 'dvc.yaml':\nCannot interpolate nested iterable in 'l'",
    );
  });

  it("tell which values of files were used", () => {
    const [one] = stagesOf({
      "dvc.yaml": "vars: [params.json, {own: 1}]\nstages:\n  s:\n    cmd: echo ${a.b} ${own} ${l} x\n",
      "params.json": '{"a": {"b": 1.0}, "l": 3}',
    });
    expect(one?.cmd).toBe("echo 1.0 1 3 x");
    expect([...(one?.usedVars.get("params.json")?.keys() ?? [])]).toEqual(["a.b", "l"]);
    expect(one?.usedVars.size).toBe(1);
  });
});

describe("vars", () => {
  const vars = (list: string, files: Record<string, string> = {}): string =>
    messageOf(() => stagesOf({ "dvc.yaml": `vars: ${list}\nstages:\n  s:\n    cmd: echo\n`, ...files }));

  it("refuse templates, missing files and keys", () => {
    expect(vars('["${f}.yaml"]')).toBe("failed to parse 'vars' in 'dvc.yaml': interpolating is not allowed");
    expect(vars("[no.yaml]")).toBe("failed to parse 'vars' in 'dvc.yaml': 'no.yaml' does not exist");
    expect(vars("[dir]", { "dir/x": "" })).toBe("failed to parse 'vars' in 'dvc.yaml': 'dir' is a directory");
    expect(vars("['p.yaml:sub2']", { "p.yaml": "sub1: 1" })).toBe(
      "failed to parse 'vars' in 'dvc.yaml': could not find 'sub2' in 'p.yaml'",
    );
    expect(vars("[p.json]", { "p.json": "[1]" })).toBe(
      "failed to parse 'vars' in 'dvc.yaml': expected a dictionary, got 'list' in file 'p.json'",
    );
  });

  it("merge mappings and refuse to redefine a leaf", () => {
    const files = { "params.yaml": "m: {a: 1}", "p.json": '{"m": {"a": 2}}' };
    expect(vars("[p.json]", files)).toBe(
      "failed to parse 'vars' in 'dvc.yaml':\ncannot redefine 'm.a' from 'p.json' as it already exists in 'params.yaml'",
    );
    expect(vars("[{m: {a: 3}}]", files)).toBe(
      "failed to parse 'vars' in 'dvc.yaml':\ncannot redefine 'm.a' from 'vars[0]' as it already exists in 'params.yaml'",
    );
    expect(cmds("vars: [{m: {b: 2}}]\nstages:\n  s:\n    cmd: echo ${m.a} ${m.b}\n", "m: {a: 1}")["s"]).toBe(
      "echo 1 2",
    );
  });

  it("load parts of a file, but not what is loaded already", () => {
    const p = { "p.yaml": "a: 1\nb: 2" };
    expect(vars("['p.yaml:a', 'p.yaml:b', 'p.yaml']", p)).toContain(
      "cannot load 'p.yaml' as it's partially loaded already",
    );
    expect(vars("[p.yaml, 'p.yaml:a']", p)).toContain("cannot partially load 'p.yaml:a' as it's already loaded.");
    expect(vars("['p.yaml:a', 'p.yaml:a,b']", p)).toContain(
      "cannot load 'p.yaml:a,b' as it's partially loaded already",
    );
    expect(vars("[p.yaml, p.yaml]", p)).toContain("nothing thrown");
  });

  it("of a stage come from its wdir and stay its own", () => {
    const found = stagesOf({
      "dvc.yaml":
        "stages:\n  one:\n    wdir: ${ws}\n    vars: [params.yaml]\n    cmd: echo ${foo} ${bar}\n  two:\n    cmd: echo ${bar}\n",
      "params.yaml": "bar: bar\nws: data",
      "data/params.yaml": "foo: foo",
    });
    expect(found.map((one) => one.cmd)).toEqual(["echo foo bar", "echo bar"]);
    expect(found[0]?.wdir).toBe("/repo/data");
    expect([...(found[0]?.usedVars.keys() ?? [])]).toEqual(["params.yaml", "data/params.yaml"]);
    expect(found.map((one) => one.isParametrized)).toEqual([true, true]);
    expect(
      messageOf(() =>
        stagesOf({ "dvc.yaml": "stages:\n  b:\n    vars: [{m: 1}]\n    cmd: echo\n", "params.yaml": "m: 2" }),
      ),
    ).toBe(
      "failed to parse stage 'b' in 'dvc.yaml':\ncannot redefine 'm' from 'b.vars[0]' as it already exists in 'params.yaml'",
    );
  });
});

describe("foreach and matrix", () => {
  it("name stages by value, by index for collections, by key for mappings", () => {
    const yaml = `stages:
  list:
    foreach: [a, 2, true, 1.5]
    do:
      cmd: echo \${item}
  through:
    foreach: ["\${t}", x]
    do:
      cmd: echo \${item}
  mixed:
    foreach: [{k: 1}, {k: 2}]
    do:
      cmd: echo \${item[k]}
  map:
    foreach: \${models}
    do:
      cmd: echo \${key} \${item.e}
`;
    const params = "t: true\nmodels: {us: {e: 3}, uk: {e: 10}}";
    expect(cmds(yaml, params)).toEqual({
      "list@a": "echo a",
      "list@2": "echo 2",
      "list@true": "echo true",
      "list@1.5": "echo 1.5",
      "through@True": "echo true",
      "through@x": "echo x",
      "mixed@0": "echo 1",
      "mixed@1": "echo 2",
      "map@us": "echo us 3",
      "map@uk": "echo uk 10",
    });
  });

  it("refuse what cannot be gone over and reserved keys", () => {
    const each = (data: string, rest = ""): string =>
      messageOf(() =>
        stagesOf({
          "dvc.yaml": `stages:\n  f:\n    foreach: ${data}\n    do:\n      cmd: echo \${item}\n${rest}`,
          "params.yaml": "s: text\nl: [1]",
        }),
      );
    expect(each("${s}")).toBe("failed to resolve 'stages.f.foreach' in 'dvc.yaml': expected list/dictionary, got str");
    expect(each('{"${s}": 1}')).toContain("'${s}' can't be a key here");
    expect(each("${no}")).toBe("failed to parse 'stages.f.foreach' in 'dvc.yaml': Could not find 'no'");
    expect(each("${l}", "      vars: [{item: 1}]\n")).toContain(
      "failed to parse stage 'f@1' in 'dvc.yaml': attempted to modify reserved key item",
    );
  });

  it("refuse a value that would be left out because of its name", () => {
    const yaml = "stages:\n  f:\n    foreach: [a, b@c]\n    do: {cmd: 'echo ${item}'}\n";
    expect(messageOf(() => cmds(yaml))).toBe("Stage 'f@b@c' not found inside 'dvc.yaml' file");
  });

  it("warn when item is taken, and give it back afterwards", () => {
    const warnings: string[] = [];
    const yaml = "stages:\n  f:\n    foreach: [1]\n    do:\n      cmd: echo ${item}\n  g:\n    cmd: echo ${item}\n";
    const found = cmds(yaml, "item: own", { warn: (text) => warnings.push(text) });
    expect(found).toEqual({ "f@1": "echo 1", g: "echo own" });
    expect(warnings).toEqual(["item is already specified, will be overwritten for stages generated from 'f'"]);
  });

  it("matrix goes over all combinations in order", () => {
    const yaml = `stages:
  m:
    matrix:
      a: [x, {k: 1}]
      b: \${l}
    cmd: echo \${key} \${item.b}
    outs: ["out-\${key}"]
`;
    const found = stagesOf({ "dvc.yaml": yaml, "params.yaml": "l: [1, 2]" });
    expect(found.map((one) => one.name)).toEqual(["m@x-1", "m@x-2", "m@a1-1", "m@a1-2"]);
    expect(found[3]?.cmd).toBe("echo a1-2 2");
    expect(found[3]?.outs[0]?.defPath).toBe("out-a1-2");
    expect(found.every((one) => one.isGenerated && one.isParametrized)).toBe(true);
  });

  it("resolve one stage without the others", () => {
    const view = viewOf({
      "dvc.yaml": "stages:\n  bad:\n    cmd: ${no}\n  f:\n    foreach: [1, 2]\n    do: {cmd: 'echo ${item}'}\n",
    });
    expect(view.stage("f@2")?.cmd).toBe("echo 2");
    expect(view.stage("f")).toBeUndefined();
    expect(view.stage("f@3")).toBeUndefined();
    expect(view.isGroup("f")).toBe(true);
    expect(view.names()).toEqual(["bad", "f@1", "f@2"]);
    expect(() => view.stage("bad")).toThrow("Could not find 'no'");
  });
});

describe("the top level", () => {
  it("resolves metrics, plots and artifacts", () => {
    const view = viewOf({
      "dvc.yaml":
        'metrics: ["${d}/m.json"]\nplots: [{"${d}/p.csv": {x: "${x}"}}]\nartifacts:\n  ${name}: {path: "${d}/model"}\n',
      "params.yaml": "d: out\nx: step\nname: net",
    });
    expect(view.section("metrics")).toEqual(["out/m.json"]);
    expect(view.section("plots")).toEqual([{ "out/p.csv": { x: "step" } }]);
    expect(view.artifacts()).toEqual({ net: { path: "out/model" } });
    expect(messageOf(() => viewOf({ "dvc.yaml": 'metrics: [a, "${no}"]\n' }).section("metrics"))).toBe(
      "failed to parse 'metrics.1' in 'dvc.yaml': Could not find 'no'",
    );
  });
});
