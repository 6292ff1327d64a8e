// What `repro` must do as DVC does: order, change detection, flags, run cache, commands, dvc.lock byte by byte.

const start = [{ git: "init -q -b main" }, { dvc: "init -q" }];
const commit = [{ git: "add -A" }, { git: "commit -q -m state" }];

/** in -> a -> b, c apart, and a stage in another folder that reads b. */
const chain = {
  in: "1\n",
  "dvc.yaml":
    "stages:\n  b:\n    cmd: cp a.o b.o\n    deps:\n    - a.o\n    outs:\n    - b.o\n  a:\n    cmd: cp in a.o\n    deps:\n    - in\n    outs:\n    - a.o\n  c:\n    cmd: cp in c.o\n    deps:\n    - in\n    outs:\n    - c.o\n",
  "sub/dvc.yaml": "stages:\n  far:\n    cmd: cp ../b.o far.o\n    deps:\n    - ../b.o\n    outs:\n    - far.o\n",
};
const made = [...start, { write: chain }, { dvc: "repro -q -P" }, ...commit];

/** Every kind of entry that dvc.lock may hold. */
const varied = {
  "src/one.txt": "1\n",
  "src/deep/two.txt": "2\n",
  "params.yaml":
    "lr: 0.1\nmodel:\n  depth: 3\n  layers: [1, 2]\n  name: 'cnn'\n  wide: 1.0\n  none: null\n  on: true\n",
  "other.toml": "[a]\nb = 1.5\nc = 'x'\n",
  "conf.json": '{"k": {"v": [1, {"w": 2}]}}',
  "work/params.yaml": "seed: 1\n",
  "dvc.yaml":
    "vars:\n- files:\n    out: made\nstages:\n  folder:\n    cmd:\n    - mkdir -p ${files.out}\n    - cp src/one.txt ${files.out}/x\n    - cp src/deep/two.txt ${files.out}/y\n    deps:\n    - src\n    params:\n    - lr\n    - model\n    - other.toml:\n      - a.b\n      - a.c\n    - conf.json:\n    outs:\n    - ${files.out}:\n        persist: true\n        desc: a folder\n  lines:\n    cmd: |\n      echo first > l1\n      echo second > l2\n    deps:\n    - made/x\n    outs:\n    - l1\n    - l2:\n        cache: false\n        push: false\n  each:\n    foreach:\n    - u\n    - v\n    do:\n      cmd: echo ${item} > each-${item}.txt\n      deps:\n      - made\n      outs:\n      - each-${item}.txt\n  inside:\n    wdir: work\n    cmd: cp ../l1 result.json\n    deps:\n    - ../l1\n    params:\n    - seed\n    metrics:\n    - result.json:\n        cache: false\n  exec:\n    cmd: printf '#!/bin/sh\\n' > run.sh && chmod +x run.sh\n    deps:\n    - l1\n    outs:\n    - run.sh\n",
};

/** @type {{id: string, feature: number, steps: any[]}[]} */
export const reproScenarios = [
  {
    id: "repro",
    feature: 47,
    steps: [
      ...start,
      { write: chain },
      { dvc: "repro" },
      { dvc: "repro" },
      { dvc: "status" },
      { write: { in: "2\n" } },
      { dvc: "repro b" },
      { dvc: "repro -P" },
      { dvc: "repro none" },
      { dvc: "repro sub/dvc.yaml:far" },
      { rm: "b.o" },
      { dvc: "repro" },
      { dvc: "checkout" },
    ],
  },
  {
    // What looks at a project goes on where two stages claim an output, or a file is broken in several revisions.
    id: "broken-looked-at",
    feature: 60,
    steps: [
      ...start,
      { write: { in: "1\n", "dvc.yaml": "stages:\n  a:\n    cmd: cp in a.o\n    deps: [in]\n    outs: [a.o]\n" } },
      { dvc: "repro -q" },
      ...commit,
      { rm: ".dvc/cache/runs" },
      { dvc: "commit" },
      {
        write: {
          "dvc.yaml":
            "stages:\n  a:\n    cmd: cp in a.o\n    deps: [in]\n    outs: [a.o]\n  b:\n    cmd: cp in a.o\n    outs: [a.o]\n",
        },
      },
      { dvc: "status" },
      { dvc: "data status" },
      { dvc: "status a" },
      { write: { "dvc.yaml": "stages: {a: {cmd: '${nope}'}}\nplots: [p.csv]\n" } },
      { dvc: "plots show --json" },
      { write: { "dvc.yaml": "plots: [p.csv\n" } },
      ...commit,
      { dvc: "plots diff HEAD~1 --json" },
      { dvc: "diff HEAD~1" },
      { write: { "dvc.yaml": "plots: []\nbogus: 1\n" } },
      { dvc: "diff" },
      { dvc: "plots show --json" },
    ],
  },
  {
    // Outputs that were never made, and no remote; a stage that is put again restores its past run.
    id: "unmade-unpushed",
    feature: 30,
    steps: [
      ...start,
      {
        write: {
          in: "1\n",
          "dvc.yaml":
            "stages:\n  a:\n    cmd: cp in a.o\n    deps: [in]\n    outs: [a.o]\n  n:\n    cmd: echo {} > m.json\n    metrics:\n    - m.json:\n        cache: false\n",
        },
      },
      { dvc: "push" },
      { dvc: "push n" },
      { dvc: "fetch --run-cache" },
      { dvc: "pull --run-cache" },
      { dvc: "status -c" },
      { dvc: "repro" },
      { dvc: "push n" },
      { dvc: "stage add -n a -f -d in -o a.o --run 'cp in a.o'" },
      { dvc: "stage add -n z -p nope -d in -o z.o --run 'cp in z.o'" },
      { dvc: "stage add -n z -f -p nope -d in -o z.o --run 'cp in z.o'" },
    ],
  },
  {
    id: "repro-varied-lock",
    feature: 47,
    steps: [
      ...start,
      { write: varied },
      { dvc: "repro" },
      { write: { "params.yaml": varied["params.yaml"].replace("depth: 3", "depth: 4") } },
      { dvc: "status" },
      { dvc: "repro" },
      { write: { "other.toml": "[a]\nb = 2.0\nc = 'x'\n", "work/params.yaml": "seed: 2\n" } },
      { dvc: "repro inside" },
      { dvc: "repro --dry" },
      { dvc: "repro" },
      { dvc: "commit -f" },
      { dvc: "status" },
    ],
  },
  {
    id: "repro-changed",
    feature: 48,
    steps: [
      ...made,
      { write: { "dvc.yaml": chain["dvc.yaml"].replace("cp in a.o", "cat in > a.o") } },
      { dvc: "repro" },
      { write: { "a.o": "by hand\n" } },
      { dvc: "repro" },
      {
        write: {
          "dvc.yaml":
            "stages:\n  always:\n    cmd: echo x > x\n    deps:\n    - in\n    always_changed: true\n    outs:\n    - x\n  call:\n    cmd: echo called\n",
        },
      },
      { dvc: "repro" },
      { dvc: "repro" },
      { dvc: "status" },
    ],
  },
  {
    id: "repro-flags",
    feature: 49,
    steps: [
      ...made,
      { dvc: "repro -f a" },
      { dvc: "repro -f -s b" },
      { dvc: "repro --dry -f -p a" },
      { dvc: "repro --dry -f --downstream a" },
      { dvc: "repro --dry -f -R sub" },
      { dvc: "repro --dry -f --glob '[ac]'" },
      { write: { in: "3\n" } },
      { dvc: "repro --force-downstream a" },
      { dvc: "repro --force-downstream b" },
      { dvc: "repro --no-commit" },
      { dvc: "repro -i -f" },
      { dvc: "repro --dry" },
      { dvc: "repro -s a none" },
    ],
  },
  {
    id: "repro-failures",
    feature: 49,
    steps: [
      ...start,
      { write: { ...chain, "dvc.yaml": chain["dvc.yaml"].replace("cp in a.o", "exit 3") } },
      { dvc: "repro" },
      { dvc: "repro -k", err: false },
      { dvc: "repro -k -P", err: false }, // the order of names is that of a set
      { write: { "a.o": "old\n" } },
      { dvc: "repro --ignore-errors" },
      { write: { "dvc.yaml": "stages:\n  o:\n    cmd: echo no\n    deps:\n    - in\n    outs:\n    - o\n" } },
      { dvc: "repro" },
      {
        write: {
          "dvc.yaml":
            "stages:\n  p:\n    cmd: echo no\n    params:\n    - lr\n    deps:\n    - in\n    outs:\n    - o\n",
          "params.yaml": "x: 1\n",
        },
      },
      { dvc: "repro" },
    ],
  },
  {
    id: "repro-missing",
    feature: 49,
    steps: [
      ...made,
      { dvc: "remote add -q -d store ../remote" },
      { dvc: "push -q" },
      { rm: ".dvc/cache" },
      { rm: "a.o" },
      { rm: "b.o" },
      { dvc: "repro --allow-missing" },
      { dvc: "repro --allow-missing --dry -P" },
      { dvc: "repro --pull --allow-missing" },
      { dvc: "status" },
      { dvc: "repro --pull" },
      { write: { in: "9\n" } },
      { dvc: "repro --pull --allow-missing -P" },
    ],
  },
  {
    id: "run-cache",
    feature: 50,
    steps: [
      ...made,
      { dvc: "remote add -q -d store ../remote" },
      { write: { in: "2\n" } },
      { dvc: "repro" },
      { write: { in: "1\n" } },
      { dvc: "repro --dry" },
      { dvc: "repro" },
      { write: { in: "2\n" } },
      { dvc: "repro --no-run-cache a" },
      { dvc: "push --run-cache", out: false },
      { rm: ".dvc/cache" },
      { write: { in: "1\n" } },
      { dvc: "pull --run-cache", out: false },
      { dvc: "repro --pull" },
    ],
  },
  {
    id: "repro-frozen",
    feature: 51,
    steps: [
      ...made,
      { dvc: "freeze b" },
      { write: { in: "2\n" } },
      { dvc: "repro" },
      { dvc: "repro b" },
      { dvc: "status" },
      { write: { "b.o": "by hand\n" } },
      { dvc: "repro b" },
      { dvc: "unfreeze b" },
      { dvc: "repro" },
      { dvc: "add -q in" },
      { write: { in: "5\n" } },
      { dvc: "repro" },
    ],
  },
  {
    id: "repro-commands",
    feature: 52,
    steps: [
      ...start,
      {
        write: {
          in: "1\n",
          "w/keep": "",
          "dvc.yaml":
            'stages:\n  env:\n    cmd: echo "$DVC_STAGE $(basename "$DVC_ROOT")" > env.txt\n    deps:\n    - in\n    outs:\n    - env.txt\n  where:\n    wdir: w\n    cmd:\n    - basename "$PWD" > where.txt\n    - echo more >> where.txt\n    deps:\n    - ../env.txt\n    outs:\n    - where.txt\n  nested:\n    cmd: dvc status -q in.dvc; echo $? > nested.txt\n    deps:\n    - w/where.txt\n    outs:\n    - nested.txt\n  second:\n    cmd: |\n      echo one\n      false\n      echo never\n    deps:\n    - nested.txt\n',
        },
      },
      { dvc: "add -q in" },
      { dvc: "repro env where nested" },
      { dvc: "repro" },
    ],
  },
];
