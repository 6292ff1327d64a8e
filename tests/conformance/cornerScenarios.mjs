// Corners of the daily commands: odd targets, kinds of files that change places, sources that are gone. Steps as in scenarios.mjs.

const start = [{ git: "init -q -b main" }, { dvc: "init -q" }];
const commit = [{ git: "add -A" }, { git: "commit -q -m state" }];
const tracked = [
  ...start,
  { write: { "data/a.txt": "alpha\n", "data/b.txt": "beta\n", "data/sub/c.txt": "gamma\n", "one.txt": "one\n" } },
  { dvc: "add -q data one.txt" },
  ...commit,
];

/** @type {{id: string, feature: number, steps: any[]}[]} */
export const cornerScenarios = [
  {
    id: "init-places",
    feature: 2,
    steps: [
      { git: "init -q -b main" },
      { write: { ".gitignore": ".dvcignore\n" } },
      { dvc: "init" },
      { git: "status --porcelain" },
      { dvc: "init -q new/inner --subdir" },
      { dvc: "init new/other" },
      { git: "status --porcelain" },
    ],
  },
  {
    id: "no-scm",
    feature: 2,
    steps: [
      { dvc: "init -q --no-scm" },
      { write: { a: "1" } },
      { dvc: "add a" },
      { dvc: "diff" },
      { dvc: "data status" },
      { dvc: "fetch -T" },
      { dvc: "gc -w -f" },
      { dvc: "gc -a -f" },
      { dvc: "push -a" },
      { dvc: "import . a -o c" },
    ],
  },
  {
    id: "add-names",
    feature: 8,
    steps: [
      ...start,
      { write: { x: "1", "d/1": "1", "ü/q q": "2", "-dash": "3" } },
      { link: ["nowhere", "broken"] },
      { dvc: "add x x" },
      { dvc: "add broken" },
      { dvc: "add d/../x d/" },
      { dvc: "add 'ü/q q'" },
      { dvc: "add -- -dash" },
      { dvc: "add d d/1" },
      { cd: "repo/ü" },
      { dvc: "add 'q q' ../x" },
    ],
  },
  {
    id: "file-for-folder",
    feature: 18,
    steps: [
      ...tracked,
      { rm: "data" },
      { rm: "one.txt" },
      { write: { data: "a file now\n", "one.txt/x": "a folder now\n" } },
      { dvc: "status", anyOrder: true },
      { dvc: "diff" },
      { dvc: "data status --json --granular", json: true },
      { dvc: "add -q data one.txt" },
      { dvc: "diff --json --show-hash", json: true },
      { dvc: "data status --json --granular", json: true },
      { git: "checkout -q -- data.dvc one.txt.dvc" },
      { dvc: "checkout", anyOrder: true },
    ],
  },
];
