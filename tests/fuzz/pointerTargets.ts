import { DvcError } from "../../packages/core/src/base/errors.ts";
import { parseDvcFile, serializeDvcFile, stageChecksum } from "../../packages/core/src/formats/dvcFile.ts";
import { parseLockfile, serializeLockfile } from "../../packages/core/src/formats/lockfile.ts";
import { parseProjectFile } from "../../packages/core/src/formats/projectFile.ts";
import { dumpYaml, parseAnyYaml, parseYaml, updateYaml } from "../../packages/core/src/formats/yaml.ts";
import { parsePlainYaml } from "../../packages/core/src/formats/yamlFast.ts";
import { YamlProblem } from "../../packages/core/src/formats/yamlScanner.ts";
import { Tree } from "../../packages/core/src/odb/tree.ts";
import { loadDvcFile, loadProject } from "../../packages/core/src/pipeline/load.ts";
import { mapSource } from "../../packages/core/src/pipeline/source.ts";
import { parsed, same } from "./check.ts";
import type { Target } from "./targets.ts";

const YAML_WORDS =
  "&a ,*a ,<<: ,!!,? ,- ,: ,|\n,>-\n,---\n,...\n,%YAML 1.2\n,{,},[,],__proto__: ,~,0x1f,1e5,.nan,2020-01-01,\\u0000".split(
    ",",
  );
const MD5 = "d41d8cd98f00b204e9800998ecf8427e";
const DVC_FILE = `outs:\n- md5: ${MD5}.dir\n  size: 3\n  nfiles: 2\n  hash: md5\n  path: data\n`;
const IMPORT = `md5: ${MD5}\nfrozen: true\ndeps:\n- path: x\n  repo:\n    url: https://example.com/r\n    rev_lock: ${MD5}\nouts:\n- path: x\n`;
const PROJECT = `vars:\n- a: 1\nstages:\n  one:\n    cmd: echo \${a} \${item}\n    deps: [data]\n    params: [x, p.json: [y]]\n    outs:\n    - out:\n        cache: false\n  each:\n    foreach: [1, {k: v}]\n    do:\n      cmd: run \${item}\n  m:\n    matrix: {a: [1, 2], b: [x]}\n    cmd: \${key}\nmetrics: [m.json]\nplots:\n- p.csv: {x: s, y: {p.csv: [a]}}\nartifacts:\n  net: {path: model, type: model}\n`;
const LOCK = `schema: '2.0'\nstages:\n  one:\n    cmd: echo 1\n    deps:\n    - path: data\n      hash: md5\n      md5: ${MD5}.dir\n      size: 3\n    params:\n      params.yaml:\n        x: 1.0\n    outs:\n    - path: out\n      md5: ${MD5}\n`;

const text = (bytes: Buffer): string => bytes.toString("utf8");

function yaml(bytes: Buffer): void {
  const read = parsed(() => parseYaml(text(bytes), "f"), DvcError);
  if (read === undefined) return;
  const fast = parsePlainYaml(text(bytes));
  if (fast !== undefined) same("the quick reader", fast, parsed(() => parseAnyYaml(text(bytes)), YamlProblem)?.value);
  const { value } = read;
  if (typeof value !== "object" || value === null) return;
  const dumped = dumpYaml(value);
  same("written and read", parseYaml(dumped, "f"), value);
  same("written again", dumpYaml(parseYaml(dumped, "f")), dumped);
  const updated = parsed(() => updateYaml(text(bytes), value, "f"), DvcError);
  if (updated !== undefined) same("updated and read", parseYaml(updated.value, "f"), value);
}

/** Project of the file under test beside files that it may name. */
function project(file: string, bytes: Buffer): ReturnType<typeof mapSource> {
  const files = {
    "params.yaml": "x: 1\na: {b: [1, 2]}\n",
    "p.json": '{"y": 2}',
    "dvc.yaml": PROJECT,
    [file]: text(bytes),
  };
  return mapSource(new Map(Object.entries(files).map(([name, one]) => [`/repo/${name}`, one])));
}

function load(file: string, bytes: Buffer): void {
  const view = parsed(() => loadProject("/repo/dvc.yaml", project(file, bytes), { root: "/repo" }), DvcError)?.value;
  const names = view && parsed(() => view.names(), DvcError)?.value;
  for (const name of names?.slice(0, 20) ?? []) parsed(() => view?.stage(name), DvcError);
  for (const section of ["metrics", "plots", "params"] as const) parsed(() => view?.section(section), DvcError);
  parsed(() => view?.artifacts(), DvcError);
}

/** Files that point at data. */
export const pointerTargets: readonly Target[] = [
  {
    name: "yaml",
    seeds: [
      "a: 1\nb: [x, {y: z}]\nc:\n- d\n# e\n- 'f'\n",
      'a: &a "x\\n"\nb: *a\nc: {<<: {d: 1}}\n',
      "|\n a\n b\n",
      "- >-\n  x\n  y\n- ? k\n  : v\n",
      PROJECT,
    ],
    words: YAML_WORDS,
    run: yaml,
  },
  {
    name: "dvcFile",
    seeds: [
      DVC_FILE,
      IMPORT,
      "deps:\n- path: s3://b/x\n  etag: a\nouts:\n- path: x\n  remote: r\n  files:\n  - relpath: a\n    size: 1\n",
    ],
    words: [...YAML_WORDS, "md5", "path", "outs", "deps", "repo", "../x", "/tmp", ".git"],
    run: (bytes) => {
      parsed(() => loadDvcFile("/repo/x.dvc", project("x.dvc", bytes), { root: "/repo" }), DvcError);
      const value = parsed(() => parseDvcFile(text(bytes), "x.dvc"), DvcError)?.value;
      if (value === undefined) return;
      stageChecksum(value);
      const written = serializeDvcFile(value);
      // What is null is not written.
      same("written and read", serializeDvcFile(parseDvcFile(written, "x.dvc")), written);
    },
  },
  {
    name: "projectFile",
    seeds: [PROJECT],
    words: [
      ...YAML_WORDS,
      "${a}",
      "${item.b}",
      "foreach",
      "matrix",
      "stages",
      "cmd",
      "outs",
      "vars",
      "do",
      "wdir",
      "plots",
    ],
    run: (bytes) => {
      parsed(() => parseProjectFile(text(bytes), "dvc.yaml"), DvcError);
      load("dvc.yaml", bytes);
    },
  },
  {
    name: "lockfile",
    seeds: [LOCK, LOCK.replace("schema: '2.0'\n", ""), "schema: '2.0'\ndatasets:\n- name: d\n  type: dvc\n  url: u\n"],
    words: [...YAML_WORDS, "schema", "stages", "params", "md5", "files", "datasets"],
    run: (bytes) => {
      load("dvc.lock", bytes);
      const value = parsed(() => parseLockfile(text(bytes), "dvc.lock"), DvcError)?.value;
      if (value === undefined) return;
      const again = parseLockfile(serializeLockfile(value), "dvc.lock");
      same("written and read", { stages: {}, ...again }, { stages: {}, ...value });
    },
  },
  {
    name: "params",
    seeds: ["x: 1\na: {b: [1, 2]}\nitem: q\n"],
    words: YAML_WORDS,
    run: (bytes) => {
      load("params.yaml", bytes);
    },
  },
  {
    name: "manifest",
    seeds: [
      "[]",
      `[{"md5": "${MD5}", "relpath": "a"}, {"md5": "${MD5}", "relpath": "b/\\u00e9"}]`,
      `[{"relpath":"x","md5":"${MD5}","size":1}]`,
    ],
    words: ['{"md5": "', '", "relpath": "', '"}, ', "../", ".git", "\\u0000", "\\ud800", "null", "1e999", MD5],
    run: (bytes) => {
      const tree = parsed(() => Tree.parse(bytes, "m"), DvcError)?.value;
      if (tree === undefined) return;
      const again = Tree.parse(tree.serialize(), "m");
      same(
        "written and read",
        again.entries.map(({ relpath, md5 }) => [relpath, md5]),
        tree.entries.map(({ relpath, md5 }) => [relpath, md5]),
      );
    },
  },
];
