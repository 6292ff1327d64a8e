import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refuses, withstands } from "../support/hostile.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
});
afterEach(() => {
  rig.close();
});

type Text = string | Uint8Array;

const numbered = (count: number, line: (nth: number) => string, between = "\n"): string =>
  Array.from({ length: count }, (_, nth) => line(nth)).join(between);
const aliases = numbered(30, (nth) => {
  const before = `*a${String(nth - 1)}`;
  return `a${String(nth)}: &a${String(nth)} ${nth === 0 ? "[x, x]" : `[${before}, ${before}]`}`;
});

/** Texts that no YAML file of a project may hold. */
const hostileYaml: Record<string, () => Text> = {
  "an alias bomb": () => aliases,
  "many values": () => `outs: [${"1,".repeat(400_000)}]`,
  "many outputs": () => `outs:\n${numbered(100_000, (nth) => `- path: x${String(nth)}`)}`,
  "deep brackets": () => "[".repeat(1_000_000),
  "deep braces": () => "{a: ".repeat(500_000),
  "deep lists": () => "- ".repeat(500_000),
  "deep keys": () => "? ".repeat(500_000),
  "a deep indent": () => numbered(3000, (nth) => `${" ".repeat(nth)}a:`),
  "duplicate keys": () => "outs: []\nouts: []\n",
  "a tag that makes an object": () => 'outs: !!python/object/apply:os.system ["touch pwned"]\n',
  "an alias to itself": () => "outs: &a [*a]\n",
  "a merge with itself": () => "outs: &a {<<: *a}\n",
  "bytes that are no text": () => "\u0000\u0001\u0002",
  "bytes that are no UTF-8": () => Buffer.from("outs: \xff\xfe\n", "latin1"),
  "UTF-16": () => Buffer.from("\ufeffouts: []\n", "utf16le"),
  "a __proto__ key": () => "__proto__: {outs: []}\nouts: 5\n",
  "a number of a million digits": () => `outs: ${"9".repeat(1_000_000)}\n`,
  "a million line breaks": () => `x: 1\n${"\n".repeat(1_000_000)}outs: 5\n`,
};

const POINTERS = [
  ["x.dvc", "checkout"],
  ["dvc.yaml", "status"],
  ["dvc.lock", "repro"],
] as const;

/** A stage that reads parameters from `name`. */
function writeStage(name: string): void {
  rig.write(
    "dvc.yaml",
    `params:\n- ${name}\nstages:\n  s:\n    cmd: touch made\n    params: [{${name}: [a]}]\n    outs: [made]\n`,
  );
}

describe("a hostile YAML file is refused within 2 s and 300 MB, with nothing written", () => {
  // Each text in one of the files: all are read by the same reader.
  const cases = Object.entries(hostileYaml).map(([name, text], nth) => [name, POINTERS[nth % 3], text] as const);
  it.each(cases)("%s", (name, [file, command] = POINTERS[0], text) => {
    if (file === "dvc.lock") writeStage("params.yaml");
    rig.write(file, text());
    refuses(rig, [command], `${name} in ${file}`);
  });

  it("an error in each of many values of one line", () => {
    rig.write("x.dvc", `outs: [{path: a, cloud: {${numbered(10_000, (nth) => `r${String(nth)}: {etag: x}`, ", ")}}}]`);
    // Errors are told one by one, up to 20,000 characters and what the last of them takes.
    refuses(rig, ["status"], "many errors", 22_000);
  });

  it("100 MB", () => {
    for (const [file, command] of [
      ...POINTERS,
      ["params.yaml", "repro"],
      [".dvc/config", "status"],
      [".dvcignore", "status"],
    ] as const) {
      writeStage("params.yaml");
      rig.write(file, "a: b\n");
      truncateSync(rig.path(file), 100_000_000);
      refuses(rig, [command], `100 MB in ${file}`);
      rmSync(rig.path(file));
    }
  });

  it("stages without end, and texts that grow", () => {
    const axes = numbered(9, (nth) => `      a${String(nth)}: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]`);
    rig.write("dvc.yaml", `stages:\n  m:\n    matrix:\n${axes}\n    cmd: echo\n`);
    refuses(rig, ["status"], "a matrix of a billion");
    rig.write("dvc.yaml", `stages:\n  m:\n    foreach: [${"1,".repeat(50_000)}2]\n    do: {cmd: echo}\n`);
    refuses(rig, ["stage", "list"], "a foreach of many");
    rig.write("params.yaml", `a: ${"x".repeat(1_000_000)}\n`);
    rig.write("dvc.yaml", `stages:\n  m:\n    cmd: echo ${"${a} ".repeat(10_000)}\n`);
    refuses(rig, ["status"], "a long text");
    rig.write("dvc.yaml", `stages:\n  m:\n    cmd: echo ${"${".repeat(500_000)}\n`);
    withstands(rig, ["status"], "open templates");
    rig.write("dvc.yaml", `stages:\n  m:\n    cmd:\n${"    - ${a}\n".repeat(1000)}`);
    refuses(rig, ["repro", "--dry"], "a long text in many commands");
    rig.write("dvc.yaml", 'stages:\n  m:\n    cmd: echo\n    wdir: "a\\0b"\n');
    refuses(rig, ["status"], "a folder that no system can name");
  });
});

/** Texts that no file of parameters may hold, by its ending. */
const hostileValues: Record<string, Record<string, () => Text>> = {
  json: {
    "a million levels": () => `${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}`,
    "a million open levels": () => "[".repeat(1_000_000),
    "a number of many digits": () => `{"a": ${"9".repeat(100_000)}}`,
    "bytes that are no UTF-8": () => Buffer.from('{"a": "\xff"}', "latin1"),
    "half a text": () => '{"a": "',
    "more values than anybody looks at": () => `{"a": [${"1,".repeat(1_000_000)}1]}`,
  },
  toml: {
    "many levels": () => `a = ${"[".repeat(100_000)}`,
    "many dots": () => `${"a.".repeat(100_000)}a = 1`,
    "open braces": () => `a = ${"{a=".repeat(50_000)}`,
  },
  py: {
    "open brackets": () => `a = ${"[".repeat(100_000)}`,
    "more than anybody writes": () => "a=1;".repeat(300_000),
    "an open text": () => `a = '''${"x".repeat(900_000)}`,
  },
};

describe("hostile parameters are refused within 2 s and 300 MB, with nothing written", () => {
  it.each(
    Object.entries(hostileValues).flatMap(([kind, texts]) =>
      Object.entries(texts).map(([name, text]) => [kind, name, text] as const),
    ),
  )("%s: %s", (kind, name, text) => {
    writeStage(`params.${kind}`);
    rig.write(`params.${kind}`, text());
    refuses(rig, ["repro"], name);
  });

  it.each([
    ["json", '{"__proto__": {"a": 1}, "constructor": {"prototype": {"x": 1}}, "a": NaN}'],
    ["json", `{"b": 1.0, "a": "${"x".repeat(5_000_000)}"}`],
    ["toml", "__proto__ = 1\n[constructor]\nprototype = 1\n"],
    ["py", "a = " + "-".repeat(500_000) + "1\n__proto__ = 2\n"],
    ["py", "class A: ".repeat(50_000) + "a = 1\n"],
  ])("%s: odd, but readable", (kind, text) => {
    writeStage(`params.${kind}`);
    rig.write(`params.${kind}`, text);
    withstands(rig, ["params", "diff"], text.slice(0, 30));
  });
});

/** Files that say what to leave out, and settings. */
const hostileRules: Record<string, () => Text> = {
  "patterns of many stars": () => `${"*a".repeat(30)}\n`.repeat(1000),
  "a very long pattern": () => "*a".repeat(500_000),
  "more patterns than anybody writes": () => "*a\n".repeat(100_000),
};

describe("hostile rules and settings are withstood", () => {
  it.each(Object.entries(hostileRules))(".dvcignore: %s", (name, text) => {
    rig.write("folder/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x");
    rig.write(".dvcignore", text());
    refuses(rig, ["add", "folder"], name);
  });

  it.each([
    ["equal patterns", "a/b\n".repeat(500_000)],
    ["carriage returns", "\r".repeat(2_000_000)],
    ["line breaks", "\n".repeat(2_000_000)],
    ["open classes", "[[[[[[\n".repeat(1000)],
  ])(".dvcignore: %s", (name, text) => {
    rig.write(".dvcignore", text);
    withstands(rig, ["status"], name);
  });

  it.each([
    ["blanks in a section's name", `[a${" ".repeat(16_000)}x]x\n`.repeat(200)],
    ["blanks behind a key", `a${" ".repeat(16_000)}\n`.repeat(200)],
    ["a long value", `[core]\nremote = '''\n${"x\n".repeat(1_000_000)}`],
    ["many options", `[core]\n${numbered(100_000, (nth) => `k${String(nth)} = 1`)}`],
    [
      "a ring of remotes",
      "['remote \"a\"']\nurl = remote://b\n['remote \"b\"']\nurl = remote://a\n[core]\nremote = a\n",
    ],
    ["__proto__", "[__proto__]\nx = 1\n[constructor]\nprototype = 1\n"],
  ])(".dvc/config: %s", (name, text) => {
    rig.write(".dvc/config", text);
    refuses(rig, ["push"], name);
  });
});

it("a lock file without end is not read", () => {
  rig.write(".dvc/tmp/lock", "");
  truncateSync(rig.path(".dvc/tmp/lock"), 2 ** 30);
  withstands(rig, ["status"], "a lock file of 1 GB");
});

it("plots of rows without end are refused", () => {
  rig.write("p.csv", `a,b\n${"1,2\n".repeat(2_000_000)}`);
  rig.write("dvc.yaml", "plots:\n- p.csv\n");
  const { err } = withstands(rig, ["plots", "show", "--json"], "two million rows");
  expect(err).toContain("failed to load");
});

it("a hundred thousand tags of one commit take no time", () => {
  rig.write("data", "1");
  rig.ok("add", "-q", "data");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "data");
  const head = rig.git("rev-parse", "HEAD").trim();
  rig.write(
    ".git/packed-refs",
    numbered(100_000, (nth) => `${head} refs/tags/t${String(nth)}`),
  );
  for (const words of [
    ["gc", "-a", "-T", "-f"],
    ["snapshot", "list", "--json"],
  ])
    withstands(rig, words, "tags");
});

const MD5 = "d41d8cd98f00b204e9800998ecf8427e";
const hostileManifests: Record<string, () => string> = {
  "an object": () => '{"md5": 1}',
  "a number": () => "5",
  NaN: () => '[{"md5": NaN, "relpath": "a"}]',
  "a list of lists": () => "[[[]]]",
  "a million levels": () => "[".repeat(1_000_000),
  "a million closed levels": () => "[".repeat(1_000_000) + "]".repeat(1_000_000),
  "null entries": () => "[null]",
  "many entries that are none": () => `[${'{"a":1},'.repeat(4_000_000)}{}]`,
  "wrong types": () => `[{"md5": ["${MD5}"], "relpath": {"a": 1}}]`,
  "no path": () => `[{"md5": "${MD5}"}]`,
  __proto__: () => `[{"__proto__": {"md5": "${MD5}", "relpath": "a"}}]`,
  "half a text": () => `[{"md5": "${MD5}", "rel`,
  "a long path": () => `[{"md5": "${MD5}", "relpath": "${"a/".repeat(100_000)}b"}]`,
};

describe("a hostile manifest is refused within 2 s and 300 MB, with nothing written", () => {
  it.each(Object.entries(hostileManifests))("%s", (name, text) => {
    const md5 = createHash("md5").update(text()).digest("hex");
    const path = rig.path(`.dvc/cache/files/md5/${md5.slice(0, 2)}/${md5.slice(2)}.dir`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text());
    chmodSync(path, 0o444);
    rig.write("data.dvc", `outs:\n- md5: ${md5}.dir\n  hash: md5\n  path: data\n`);
    refuses(rig, ["checkout", "-f"], name);
  });
});
