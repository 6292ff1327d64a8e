// What public repositories brought to light: outputs that were never made, names with several dots, sources that are gone. Steps as in scenarios.mjs.

const start = [{ git: "init -q -b main" }, { dvc: "init -q" }];
const commit = [{ git: "add -A" }, { git: "commit -q -m state" }];

/** Outputs that dvc.lock knows nothing of, one of them a folder, and a stage that can run. */
const unmade = {
  in: "1\n",
  "dvc.yaml":
    "stages:\n  never:\n    cmd: echo\n    outs: [file, folder, gone, sub/x]\n" +
    "  made:\n    cmd: mkdir -p made && echo 1 > made/x && echo 2 > m.json\n    deps: [in]\n    outs: [made]\n    metrics: [m.json]\n",
};

/** @type {{id: string, feature: number, steps: any[]}[]} */
export const publicScenarios = [
  {
    id: "diff-unmade",
    feature: 18,
    steps: [
      ...start,
      { write: unmade },
      ...commit,
      { dvc: "diff --json --show-hash", json: true },
      { write: { file: "1", "folder/x": "1", "folder/y/z": "2" } },
      { dvc: "diff --json --show-hash", json: true },
      { dvc: "diff --md" },
      { dvc: "repro -q made" },
      ...commit,
      { dvc: "diff HEAD~1 HEAD --json --show-hash", json: true },
      { dvc: "diff HEAD HEAD~1 --json --show-hash", json: true },
      { rm: "made" },
      { rm: "file" },
      { dvc: "diff" },
    ],
  },
  {
    id: "list-unmade",
    feature: 42,
    steps: [
      ...start,
      { write: { ...unmade, "folder/x": "1", "folder/y/z": "2" } },
      { dvc: "repro -q made" },
      { rm: "made" },
      { dvc: "list . -R" },
      { dvc: "list . --size" },
      { dvc: "list . -R --dvc-only --json --size", json: true },
      { dvc: "du .", anyOrder: true },
      { rm: ".dvc/cache" },
      { dvc: "du .", anyOrder: true },
    ],
  },
  {
    id: "values-many-dots",
    feature: 56,
    steps: [
      ...start,
      {
        write: {
          "m.v1.json": '{"a": 1e5, "b": NaN, "c": 1.0, "d": [1e3], "e": "x"}',
          "t.v1.toml": "a = 1\n",
          ".hidden.json": "z: 1\n",
          "p.v1.json": '[{"a": 1, "b": NaN}]',
          "dvc.yaml":
            "metrics: [m.v1.json, t.v1.toml, .hidden.json]\nparams: [m.v1.json]\nplots: [p.v1.json]\n" +
            "stages:\n  s:\n    cmd: echo ${a} ${b} ${d[0]} > o\n    vars: [m.v1.json]\n    params: [{m.v1.json: [a, b, d]}]\n    outs: [o]\n",
        },
      },
      { dvc: "metrics show" },
      { dvc: "metrics show --json", json: true },
      { dvc: "repro" },
      { dvc: "status" },
      ...commit,
      { write: { "m.v1.json": "<<<<<<< HEAD\n{}\n" } },
      { dvc: "metrics diff --json", json: true },
      { dvc: "params diff --json", json: true },
    ],
  },
  {
    id: "repro-dry-missing",
    feature: 48,
    steps: [
      ...start,
      {
        write: {
          in: "1\n",
          "params.yaml": "lr: 1\n",
          "dvc.yaml":
            "stages:\n  a:\n    cmd: echo > o\n    deps: [in]\n    params: [zz]\n    outs: [o]\n" +
            "  b:\n    cmd: echo > p\n    deps: [none]\n    outs: [p: {persist: true}]\n" +
            "  c:\n    cmd: echo > q\n    deps: [none]\n    always_changed: true\n    outs: [q]\n",
        },
      },
      { dvc: "repro --dry a" },
      { dvc: "repro --dry b" },
      { dvc: "repro --dry c" },
      { dvc: "repro -k" },
      { dvc: "repro --dry -s a" },
    ],
  },
  {
    id: "status-web-gone",
    feature: 15,
    steps: [
      ...start,
      {
        write: {
          "x.dvc":
            "deps:\n- path: http://127.0.0.1:9/x\n  checksum: '\"1\"'\n  size: 2\nouts:\n- md5: 26ab0db90d72e28ad0ba1e22ee510510\n  size: 2\n  hash: md5\n  path: x\n",
          y: "2\n",
        },
      },
      { dvc: "add -q y" },
      { write: { y: "3\n" } },
      // The reason is told in a warning of our own.
      { dvc: "status", anyOrder: true, err: false },
      { dvc: "status --json", json: true, err: false },
    ],
  },
  {
    id: "stage-beside-broken",
    feature: 53,
    steps: [
      ...start,
      {
        write: {
          "dvc.yaml":
            "stages:\n  a:\n    cmd: echo > x\n    outs: [x]\n  b:\n    cmd: echo ${nope}\n  c:\n    foreach: [1, 2]\n    do:\n      cmd: echo ${item} > c${item}\n      outs: ['c${item}']\n",
        },
      },
      { dvc: "stage list" },
      { dvc: "stage list a c" },
      { dvc: "status a" },
      { dvc: "repro a" },
      { dvc: "repro -s a c@1" },
      { dvc: "commit -f c@1" },
      { dvc: "checkout c@1 a" },
      { dvc: "freeze a" },
      { dvc: "unfreeze a" },
      { dvc: "remove a" },
      { dvc: "remove c@1" },
    ],
  },
  {
    id: "plots-lost-folder",
    feature: 58,
    steps: [
      ...start,
      {
        write: {
          "p/im/a.png": "x",
          "h.csv": "a,b\n1,2\n",
          "dvc.yaml": "plots:\n- h.csv\n- p/im\nstages:\n  t:\n    cmd: echo\n    outs: [p]\n",
          // Nobody has its manifest.
          "dvc.lock":
            "schema: '2.0'\nstages:\n  t:\n    cmd: echo\n    outs:\n    - path: p\n      hash: md5\n      md5: 5f8960a533eba41e7e682d68493ad971.dir\n      size: 1\n      nfiles: 1\n",
        },
      },
      { rm: "p" },
      ...commit,
      { dvc: "plots show --json", json: true },
      { dvc: "plots show" },
      { dvc: "plots show --json h.csv", json: true },
    ],
  },
  {
    id: "before-project",
    feature: 38,
    steps: [
      { git: "init -q -b main" },
      { write: { readme: "1\n" } },
      { git: "add readme" },
      { git: "commit -q -m before" },
      { cd: "repo/sub" },
      { dvc: "init -q --subdir" },
      { write: { a: "1\n" } },
      { dvc: "add -q a" },
      ...commit,
      { dvc: "diff HEAD~1" },
      { dvc: "diff --json HEAD~1 HEAD", json: true },
      { dvc: "plots diff HEAD~1" },
      { write: { "../sub/a": "2\n" } },
      { dvc: "add -q a" },
      ...commit,
      { dvc: "gc -A -f" },
      { dvc: "gc -n 3 -w -f" },
      { dvc: "gc -w -f" },
    ],
  },
  {
    id: "twins-agree",
    feature: 60,
    steps: [
      ...start,
      { write: { a: "1\n", b: "2\n" } },
      { dvc: "add -q a b" },
      { write: { "twin.dvc": "outs:\n- md5: b026324c6904b2a9cb4b88d6d61c81d1\n  size: 2\n  hash: md5\n  path: a\n" } },
      ...commit,
      { rm: "a" },
      { rm: "b" },
      { dvc: "checkout" },
      { dvc: "checkout --summary --allow-missing" },
      { dvc: "move a c" },
      { dvc: "dag" },
      { rm: "twin.dvc" },
      {
        write: {
          "dvc.yaml":
            "stages:\n  s:\n    cmd: echo\n    deps: [y]\n    outs: [z]\n  t:\n    cmd: echo\n    deps: [z]\n    outs: [y]\n",
        },
      },
      { rm: "a" },
      { dvc: "checkout --allow-missing" },
    ],
  },
  {
    id: "names-unquoted",
    feature: 61,
    steps: [
      ...start,
      ...["45", "'45'", "0o17", "1e3", "-7", "1_0", "12a", "yes", "1-2"].flatMap((name) => [
        { write: { "dvc.yaml": `stages:\n  ${name}:\n    cmd: echo\n` } },
        { dvc: "stage list" },
      ]),
      { write: { "dvc.yaml": "stages:\n  s:\n    cmd: echo\nartifacts:\n  12: {path: x}\n" } },
      { dvc: "stage list" },
      { write: { "dvc.yaml": "stages:\n  s:\n    cmds: echo\n" } },
      { dvc: "gc -w -f" },
      ...commit,
      { rm: "dvc.yaml" },
      { dvc: "gc -a -f" },
    ],
  },
  {
    id: "plots-broken-template",
    feature: 58,
    steps: [
      ...start,
      {
        write: {
          ".dvc/plots/linear.json": "<<<<<<< HEAD\n",
          "empty.csv": "",
          "header.csv": "a,b\n",
          "dvc.yaml": "plots:\n- empty.csv\n- header.csv\n",
        },
      },
      { dvc: "plots show --json", json: true },
      { dvc: "plots show --json -t nowhere header.csv", json: true },
    ],
  },
  {
    id: "move-broken",
    feature: 23,
    steps: [
      ...start,
      { write: { a: "1\n", "d/x": "2\n", "bad.dvc": "foo: 1\n" } },
      { dvc: "move a.dvc b" },
      { dvc: "move a b" },
      { rm: "bad.dvc" },
      { dvc: "add -q a d" },
      { write: { "x.dvc": "outs:\n- md5: b026324c6904b2a9cb4b88d6d61c81d1\n  size: 2\n  hash: md5\n  path: d/x\n" } },
      { dvc: "move a b" },
      { dvc: "move nowhere b" },
      { dvc: "move a d/" },
    ],
  },
  {
    id: "import-itself",
    feature: 41,
    steps: [
      ...start,
      { write: { a: "1\n" } },
      { dvc: "import-url nowhere" },
      { dvc: "import-url a" },
      { dvc: "import-url a a" },
      { dvc: "stage add -n s -d a -o a echo" },
    ],
  },
  {
    id: "lock-of-dvc-1",
    feature: 61,
    steps: [
      ...start,
      {
        write: {
          "dvc.yaml": "stages:\n  s1:\n    cmd: echo\n",
          // So many that what is told is long.
          "dvc.lock": Array.from(
            { length: 30 },
            (_, n) =>
              `stage_${n}:\n  cmd: python src/a_rather_long_name_of_a_script.py --with some --options ${n}\n  deps:\n  - path: data/raw/${n}.csv\n    md5: b026324c6904b2a9cb4b88d6d61c81d1\n`,
          ).join(""),
        },
      },
      { dvc: "status" },
      { dvc: "gc -w -f" },
    ],
  },
];
