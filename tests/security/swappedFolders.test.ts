import { createHash } from "node:crypto";
import { lstatSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Sandbox } from "../support/faultRun.ts";
import { filesUnder, md5Of } from "../support/killing.ts";

/** Every step with `make test-long`; else so many of each command, evenly spread. */
const LONG = process.env["HOLDFAST_LONG"] === "1";
const SHARE = 4;

interface Case {
  readonly args: readonly string[];
  readonly prepare: string;
  /** The folder of the project that becomes a link to elsewhere. */
  readonly folder: string;
}

const FIRST = `
files() {
  mkdir -p data/sub src
  for name in a b sub/c; do rm -f data/$name; echo "$1 $name" > data/$name; done
  echo "$1" > src/train.py
}
git init -q -b main
holdfast init -q
holdfast remote add -q -d store ../remote
files v1
mkdir -p ../outside/sub && for name in a b new train.py sub/c data data.dvc .gitignore; do echo "outside $name" > ../outside/$name; done
`;
const TWO = `${FIRST}
holdfast add -q data && git add . && git commit -q -m v1 && git tag one
files v2; rm data/a; echo new > data/new
holdfast add -q data && git add . && git commit -q -m v2
holdfast push -q -A
`;
const SHARD = `$(find .dvc/cache/files/md5 -mindepth 1 -maxdepth 1 -type d | sort | head -n 1)`;
const MIRRORED = `${TWO}
for shard in .dvc/cache/files/md5/*; do for object in $shard/*; do echo mine > ../outside/$(basename $object); done; done
mv ${SHARD} ../shard && mkdir -p .dvc/cache/files/md5/00 && cp ../shard/* .dvc/cache/files/md5/00/
`;

const cases: Record<string, Case> = {
  add: { args: ["add", "data"], prepare: `${FIRST}\nholdfast config cache.type symlink`, folder: "data" },
  "add, below": { args: ["add", "data"], prepare: `${FIRST}\nholdfast config cache.type hardlink`, folder: "data/sub" },
  checkout: { args: ["checkout"], prepare: `${TWO}\ngit checkout -q one`, folder: "data" },
  "checkout, below": { args: ["checkout"], prepare: `${TWO}\ngit checkout -q one`, folder: "data/sub" },
  "checkout --force": { args: ["checkout", "-f"], prepare: `${TWO}\nfiles v3`, folder: "data" },
  pull: { args: ["pull", "-f"], prepare: `${TWO}\ngit checkout -q one; rm -rf .dvc/cache`, folder: "data" },
  move: { args: ["move", "data", "src/data"], prepare: TWO, folder: "src" },
  "remove --outs": { args: ["remove", "data.dvc", "--outs"], prepare: TWO, folder: "data" },
  evict: { args: ["evict", "data"], prepare: TWO, folder: "data" },
  purge: { args: ["purge", "data", "-f"], prepare: TWO, folder: "data" },
  unprotect: {
    args: ["unprotect", "data"],
    prepare: `${TWO}\nholdfast config cache.type symlink\nholdfast checkout -q --relink`,
    folder: "data/sub",
  },
  get: { args: ["get", "../source", "data", "-o", "src/data"], prepare: `${TWO}\ncp -r . ../source`, folder: "src" },
  "get-url": { args: ["get-url", "../source/data", "src/data"], prepare: `${TWO}\ncp -r . ../source`, folder: "src" },
  import: {
    args: ["import", "../source", "data", "-o", "src/data"],
    prepare: `${TWO}\ncp -r . ../source`,
    folder: "src",
  },
  "snapshot restore": { args: ["snapshot", "restore", "one"], prepare: TWO, folder: "data" },
  "snapshot restore of code": { args: ["snapshot", "restore", "one", "src"], prepare: TWO, folder: "src" },
  undo: { args: ["undo"], prepare: `${TWO}\nholdfast snapshot restore -q one`, folder: "data" },
  gc: { args: ["gc", "-w", "-f"], prepare: MIRRORED, folder: ".dvc/cache/files/md5/00" },
};

/** The folder of the cache that an object with these bytes goes to. */
const shardOf = (bytes: string): string =>
  `.dvc/cache/files/md5/${createHash("md5").update(bytes).digest("hex").slice(0, 2)}`;
const [OLD, NEW] = [shardOf("v1 b\n"), shardOf("v2 b\n")];
/** Files of these names lie where the link will lead. */
const NAMED = `for word in v1 v2; do for name in a b sub/c; do
  sum=$(echo "$word $name" | md5sum | cut -c3-32); echo mine > ../outside/$sum; echo mine > ../outside/$sum.dir
done; done; chmod 640 ../outside/*; chmod 750 ../outside/sub`;
const EMPTY = `rm -rf .dvc/cache; mkdir -p ${OLD} ${NEW}`;

const shared: Record<string, Case> = {
  add: { args: ["add", "data"], prepare: `${FIRST}\nmkdir -p ${OLD}`, folder: OLD },
  "add of many": {
    args: ["add", "data"],
    prepare: `${FIRST}\nfor n in $(seq 1 60); do echo $n > data/$n; done; mkdir -p ${OLD}`,
    folder: OLD,
  },
  commit: { args: ["commit", "-f"], prepare: `${TWO}\nfiles v1`, folder: OLD },
  fetch: { args: ["fetch"], prepare: `${TWO}\n${EMPTY}`, folder: NEW },
  pull: { args: ["pull", "-f"], prepare: `${TWO}\n${EMPTY}; rm -rf data`, folder: NEW },
  push: { args: ["push"], prepare: `${TWO}\nrm -rf ../remote`, folder: NEW },
  gc: { args: ["gc", "-w", "-f"], prepare: `${TWO}\n${NAMED}`, folder: OLD },
  "gc --purge": { args: ["gc", "-w", "-f", "--purge"], prepare: `${TWO}\n${NAMED}`, folder: OLD },
  "gc --undo": { args: ["gc", "--undo"], prepare: `${TWO}\nholdfast gc -w -f; mkdir -p ${OLD}`, folder: OLD },
  "fsck --repair": {
    args: ["fsck", "--repair"],
    prepare: `${TWO}\n${NAMED}\nfor object in ${NEW}/*; do chmod 644 $object; echo other > $object; done`,
    folder: NEW,
  },
  evict: { args: ["evict", "data"], prepare: `${TWO}\n${NAMED}`, folder: NEW },
  purge: { args: ["purge", "data", "-f"], prepare: `${TWO}\n${NAMED}`, folder: NEW },
  checkout: {
    args: ["checkout"],
    prepare: `${TWO}\n${NAMED}\nrm -r data`,
    folder: NEW,
  },
  "snapshot restore": { args: ["snapshot", "restore", "one"], prepare: `${TWO}\n${NAMED}`, folder: OLD },
  import: {
    args: ["import", "../source", "data", "-o", "got"],
    prepare: `${TWO}\ncp -r . ../source; holdfast remove data.dvc; ${EMPTY}`,
    folder: NEW,
  },
};

let box: Sandbox;
beforeAll(() => {
  box = new Sandbox();
});
afterAll(() => {
  box.remove();
});

/** What lies outside of the project: contents, modes, links. */
function outside(): Record<string, string> {
  const folder = join(box.root, "outside");
  return Object.fromEntries(
    filesUnder(folder).map((path) => {
      const stat = lstatSync(path);
      const what = stat.isSymbolicLink() ? readlinkSync(path) : md5Of(path);
      return [relative(folder, path), `${what} ${String(stat.mode)} ${String(stat.nlink)}`];
    }),
  );
}

/** Some of the steps that change something in that folder, which is held open or named. */
function chosen(steps: readonly string[], folder: string): number[] {
  const risky = [...steps.keys()].filter(
    (at) => steps[at]?.includes("/proc/self/fd/") === true || steps[at]?.includes(`/project/${folder}`) === true,
  );
  const all = risky.length === 0 ? [...steps.keys()] : risky;
  const every = Math.max(1, Math.ceil(all.length / SHARE));
  // From the beginning, too: later the folder may be gone.
  return [...new Set([0, ...all.filter((_, index) => index % every === 0)])];
}

describe("a folder that becomes a link to elsewhere while a command runs: nothing there is changed", () => {
  const all: Record<string, Case> = {
    ...cases,
    ...Object.fromEntries(Object.entries(shared).map(([name, one]) => [`of the cache: ${name}`, one])),
  };
  it.each(Object.keys(all))("%s", { timeout: LONG ? 600_000 : 60_000 }, async (name) => {
    const { args, prepare, folder } = all[name] as Case;
    box.remove();
    box = new Sandbox();
    box.script(prepare);
    box.keep();
    const before = outside();
    const { steps, code, err } = await box.faulty(args, { kind: "count", at: 0 });
    expect([code, err]).toEqual([0, expect.anything()]);
    expect(steps.length).toBeGreaterThan(2);
    const wrong: string[] = [];
    let swaps = 0;
    for (const at of LONG ? steps.keys() : chosen(steps, folder)) {
      box.reset();
      const swap = { path: join(box.project, folder), target: join(box.root, "outside") };
      const ran = await box.faulty(args, { kind: "swap", at: at + 1, ...swap });
      if (ran.swapped) swaps++;
      const now = outside();
      const changed = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
        (one) => before[one] !== now[one],
      );
      const text = /^ {4}at |unexpected error/m.test(ran.err) ? ran.err : "";
      if (changed.length > 0 || text !== "")
        wrong.push(`step ${String(at + 1)}, ${ran.steps[at] ?? ""}: ${changed.join(", ")}\n${ran.err}`);
    }
    expect(swaps).toBeGreaterThan(0);
    expect(wrong.join("\n")).toBe("");
  });
});
