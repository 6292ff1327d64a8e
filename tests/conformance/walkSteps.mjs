// Random scenarios: what a person may do by hand, with Git and with DVC, in any order. Most of what fails in DVC must fail alike.
// Left out is what docs/compat.md says we do otherwise: missing objects, parts of folders on their own, empty files, execute bits.

const NAMES = ["data", "img/raw", "one", "deep/two"];
const INSIDE = ["a", "b", "sub/c", "sub/d"];

/** mulberry32: a small generator with a seed, in [0, 1). */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A scenario of so many random steps; `turns`: only what both tools may do in turns, without data that nothing lists any more. */
export function walkScenario(seed, length, turns) {
  const random = randomOf(seed);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const kinds = turns ? [...byHand, ...withData] : [...byHand, ...withData, ...renaming];
  const steps = [
    { git: "init -q -b main" },
    { dvc: "init -q" },
    { dvc: "remote add -q -d store <DIR>/remote" },
    { dvc: `config cache.type ${pick(["copy", "copy", "hardlink", "symlink"])}` },
    ...write(random, pick, "data"),
    ...write(random, pick, "one"),
    { dvc: "add -q data one" },
    ...commit,
  ];
  while (steps.length < length) steps.push(...pick(kinds)(random, pick));
  return { id: `walk-${seed}`, feature: 0, steps };
}

const commit = [{ git: "add -A ." }, { git: "commit -q -m state" }];
const text = (pick) => `text ${pick([1, 2, 3, 4, 5, 6])}\n`;

function write(random, pick, name) {
  if (random() < 0.35) return [{ put: { [name]: text(pick) } }];
  const files = INSIDE.filter(() => random() < 0.6);
  if (files.length === 0) files.push("a");
  return [
    { rm: name, maybe: true },
    { put: Object.fromEntries(files.map((inner) => [`${name}/${inner}`, text(pick)])) },
  ];
}

const byHand = [
  (random, pick) => write(random, pick, pick(NAMES)),
  (random, pick) => [{ put: { [`${pick(["data", "img/raw"])}/${pick(INSIDE)}`]: text(pick) } }],
  (_, pick) => [{ rm: `${pick(NAMES)}/${pick(INSIDE)}`, maybe: true }],
  (_, pick) => [{ rm: pick(NAMES), maybe: true }],
  () => commit,
];

const withData = [
  (_, pick) => [{ dvc: `add ${pick(NAMES)}` }],
  (_, pick) => [{ dvc: `add ${pick(NAMES)}` }],
  (_, pick) => [{ dvc: `add ${pick(NAMES)} ${pick(NAMES)}` }],
  (_, pick) => [{ dvc: `add data/${pick([...INSIDE, "sub"])}` }],
  (_, pick) => [{ dvc: `add --no-commit ${pick(NAMES)}` }],
  (_, pick) => [{ dvc: pick(["commit -f", "commit", "commit -f data", "commit one"]) }],
  (_, pick) => [{ dvc: pick(["checkout", "checkout -f", "checkout --summary", "checkout -f --relink"]) }],
  (_, pick) => [{ dvc: `checkout ${pick(["", "-f "])}${pick([...NAMES, "data.dvc", "data/a", "data/sub"])}` }],
  () => [{ dvc: "push" }, { dvc: "status -c" }],
  (_, pick) => [{ dvc: pick(["fetch", "pull", "pull -f", "pull data", "fetch one"]) }],
  () => [...commit, { dvc: "push -A -q" }, { rm: ".dvc/cache", maybe: true }, { dvc: "pull -f" }, { dvc: "fetch -A" }],
  () => [...commit, { dvc: "gc -A -f" }],
  () => [{ dvc: "status" }],
  () => [{ dvc: "status --json", json: true }],
  () => [{ dvc: "data status --granular" }],
  () => [{ dvc: "data status --json", json: true }],
  () => [{ dvc: "diff" }],
  () => [{ dvc: "diff --json HEAD~1", json: true }],
  () => [{ dvc: "ls -R ." }, { dvc: "du .", anyOrder: true }],
  (_, pick) => [{ dvc: `unprotect ${pick(NAMES)}` }],
  (_, pick) => [{ dvc: `${pick(["freeze", "unfreeze"])} ${pick(["one.dvc", "data.dvc"])}` }],
  (_, pick) => [{ dvc: `check-ignore ${pick(NAMES)}` }],
];

const renaming = [
  (_, pick) => [{ dvc: `move ${pick(NAMES)} ${pick([...NAMES, "new", "img"])}` }],
  (_, pick) => [{ dvc: `remove ${pick(NAMES)}.dvc` }],
  (_, pick) => [{ dvc: `remove --outs ${pick(NAMES)}.dvc` }],
  (_, pick) => [...commit, { git: `checkout -q -B ${pick(["left", "right"])}` }],
  (_, pick) => [...commit, { git: `checkout -q ${pick(["main", "left", "right"])}` }, { dvc: "checkout" }],
  (_, pick) => [...commit, { git: `checkout -q ${pick(["main", "left", "right"])}` }, { dvc: "checkout -f" }],
];
