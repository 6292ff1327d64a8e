// How stage files and configurations are read: what Git ignores, odd templates and names, settings that lose their ground.

const start = [{ git: "init -q -b main" }, { dvc: "init -q" }];
const commit = [{ git: "add -A" }, { git: "commit -q -m state" }];

const values = "models: {foo: bar, a b: c}\nlst: [a, {x: y}]\n";
const echo = (text) => ({ write: { "dvc.yaml": `stages:\n  s:\n    cmd: ${JSON.stringify(`echo ${text}`)}\n` } });

/** @type {{id: string, feature: number, steps: any[]}[]} */
export const readingScenarios = [
  {
    // A dvc.lock that Git ignores would be lost with the next clone: nothing works on the pipeline.
    id: "lock-ignored",
    feature: 47,
    steps: [
      ...start,
      {
        write: {
          "dvc.yaml":
            "stages:\n  a:\n    cmd: echo 1 > o\n    outs: [o]\n    params: [x]\n    metrics:\n    - m.json:\n        cache: false\n    plots:\n    - p.csv:\n        cache: false\n",
          "m.json": '{"a": 1}',
          "p.csv": "a,b\n1,2\n",
          "params.yaml": "x: 1\n",
          ".gitignore": "dvc.lock\n",
          one: "1\n",
        },
      },
      ...commit,
      { dvc: "stage list" },
      { dvc: "stage list --all" },
      { dvc: "status" },
      { dvc: "dag" },
      { dvc: "repro" },
      { dvc: "push" },
      { dvc: "metrics show --json", json: true },
      { dvc: "metrics diff" },
      { dvc: "params diff --all" },
      { dvc: "plots show --json", json: true },
      { dvc: "data status" },
      { dvc: "add one" },
      { dvc: "list ." },
      { dvc: "diff" },
      { dvc: "checkout" },
      { dvc: "commit -f" },
      { dvc: "gc -w -f" },
      { dvc: "stage add -n b echo" },
      { dvc: "update a" },
      { dvc: "plots modify p.csv -x a" },
      { rm: "dvc.yaml" },
      { dvc: "stage add -n b -o o2 echo" },
      { dvc: "stage add --run -n c -o o3 echo" },
    ],
  },
  {
    id: "template-spaces",
    feature: 53,
    steps: [
      ...start,
      { write: { "params.yaml": values } },
      echo("${ lst[0] } ${lst [0]} ${lst[ 0 ]} ${ models . foo } ${models [ foo ] } ${lst[1] .x} ${models.a b}"),
      { dvc: "repro" },
      echo("${lst[0] x}"),
      { dvc: "repro" },
      echo("${lst[0]. }"),
      { dvc: "repro" },
      echo("${ }"),
      { dvc: "stage list" },
    ],
  },
  {
    // Names of generated stages: an "@" in one breaks the file, truth values keep their small letters, a text is a list of letters.
    id: "generated-names",
    feature: 54,
    steps: [
      ...start,
      {
        write: {
          "dvc.yaml":
            "stages:\n  build:\n    foreach: [a, b@c]\n    do:\n      cmd: echo ${item}\n  z:\n    cmd: echo z\n",
        },
      },
      { dvc: "stage list" },
      { dvc: "status" },
      { dvc: "repro build@a" },
      { dvc: "repro z" },
      { dvc: "metrics show" },
      {
        write: {
          "dvc.yaml":
            "stages:\n  build:\n    foreach: {true: 1, False: 2, null: 3}\n    do:\n      cmd: echo ${key} ${item}\n  letters:\n    matrix:\n      os: xy\n      n: [1]\n    cmd: echo ${item.os} ${key}\n",
        },
      },
      { dvc: "stage list" },
      { dvc: "repro" },
    ],
  },
  {
    // The project's part of a remote is taken away under the local one: it is written, and told.
    id: "config-orphan",
    feature: 28,
    steps: [
      ...start,
      { dvc: "remote add -q -d store s3://bucket/path" },
      { dvc: "remote modify --local store profile mine" },
      { dvc: "config feature.x 1" },
      { dvc: "config plots.auto_open x" },
      { dvc: "config --unset remote.store" },
      { dvc: "status" },
      { dvc: "config core.analytics false" },
      { dvc: "config --local --unset remote.none" },
      { dvc: "config --local --unset db.none" },
      { dvc: "config --local --unset remote.store" },
      { dvc: "status" },
    ],
  },
  {
    // What is on the top level of any dvc.yaml is resolved whenever all files are read; an "@" in a plain stage's name as well.
    id: "top-level-broken",
    feature: 61,
    steps: [
      ...start,
      { write: { "dvc.yaml": 'metrics: ["${none}"]\nstages:\n  a:\n    cmd: echo 1\n' } },
      { dvc: "stage list" },
      { dvc: "status" },
      { dvc: "repro a" },
      { dvc: "params diff" },
      { dvc: "plots show" },
      { dvc: "push" },
      { dvc: "freeze a" },
      { write: { "dvc.yaml": 'plots: ["${none}"]\n' } },
      { dvc: "metrics show --json", json: true },
      { write: { "dvc.yaml": 'artifacts: {a: {path: "${none}"}}\n' } },
      { dvc: "status" },
      { write: { "dvc.yaml": 'datasets: [{name: "${none}", url: x, type: dvc}]\n' } },
      { dvc: "data status" },
      ...commit,
      { rm: "dvc.yaml" },
      { dvc: "diff" },
      { dvc: "metrics diff" },
      { dvc: "gc -a -f" },
      { write: { "dvc.yaml": "stages:\n  a@b:\n    cmd: echo y\n  c:\n    cmd: echo c\n" } },
      { dvc: "stage list" },
      { dvc: "repro a@b" },
      { dvc: "repro c" },
      { dvc: "remove a@b" },
      { write: { "one.dvc": "outs: x\n" } },
      { dvc: "status" },
      { dvc: "status -q" },
    ],
  },
  {
    // The root of a source repository is the root of all paths of it, and nothing is above it.
    id: "source-root",
    feature: 43,
    steps: [
      { mkdir: "../source" },
      { cd: "source" },
      ...start,
      { write: { top: "t\n", "d/g": "g\n", data: "1\n" } },
      { dvc: "add -q data" },
      ...commit,
      { cd: "repo" },
      ...start,
      { dvc: "import ../source /data -o i1" },
      { dvc: "import ../source /d -o i2" },
      { dvc: "import ../source ../top -o i3" },
      { dvc: "import ../source / -o all" },
      { dvc: "get ../source /data --show-url" },
      { dvc: "du ../source /d", anyOrder: true },
      { dvc: "du ../source ..", anyOrder: true },
      { dvc: "list ../source /d" },
      { dvc: "status" },
      { dvc: "update i1.dvc" },
    ],
  },
  {
    // Data of a pointer that is gone leaves the workspace by force, though the cache was emptied; what can't be read ends `status -c`.
    id: "unused-by-force",
    feature: 20,
    steps: [
      ...start,
      { dvc: "remote add -q -d store <DIR>/remote" },
      { write: { one: "one", two: "two", three: "three", "dir/file": "f" } },
      { dvc: "add -q one two three dir" },
      { dvc: "push" },
      ...["one", "dir", ".dvc/cache", "two.dvc"].map((path) => ({ rm: path })),
      { write: { three: "edited" } },
      { dvc: "pull --force", anyOrder: true },
      { dvc: "pull" },
      { dvc: "status -c none" },
    ],
  },
  {
    // A name of a parameter may hold wildcards, when they mean one value.
    id: "params-wildcard",
    feature: 48,
    steps: [
      ...start,
      {
        write: {
          "params.yaml": "set:\n  moons-1: {n: 1}\n  rings: 2\nlist: [1]\n",
          "dvc.yaml": "stages:\n  a:\n    cmd: echo 1\n    params:\n    - set.moons*\n    - set.r?ngs\n    - none*\n",
        },
      },
      { dvc: "status" },
      {
        write: {
          "dvc.yaml": "stages:\n  a:\n    cmd: echo 1\n    params:\n    - set.moons*\n    - set.r?ngs\n    - l*.0\n",
        },
      },
      { dvc: "repro" },
      ...commit,
      { write: { "params.yaml": "set:\n  moons-1: {n: 2}\n  rings: 2\nlist: [1]\n" } },
      { dvc: "status" },
      { dvc: "repro" },
    ],
  },
];
