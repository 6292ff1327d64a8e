import fc from "fast-check";
import { fileOf, INSIDE, isFolder, type Name, NAMES } from "./data.ts";
import type { Model } from "./model.ts";
import type { World } from "./world.ts";

/** One step of a walk: what a person types, or does by hand. */
export interface Step extends fc.Command<Model, World> {
  toString(): string;
}

/** Makes a step; `can`: only then it is taken. It leaves model and disk to be compared by {@link check}. */
export function step(words: string, can: (model: Model) => boolean, act: (model: Model, world: World) => void): Step {
  return {
    check: (model) => can(model as Model),
    run(model, world) {
      world.log.push(`# ${words}`);
      act(model, world);
    },
    toString: () => words,
  };
}

const name = fc.constantFrom(...NAMES);
const inside = fc.constantFrom(...INSIDE);
/** Few and of one length, so that contents meet again and sizes tell nothing. */
const text = fc.integer({ min: 1, max: 6 }).map((n) => `text ${String(n)}\n`);
const entries = fc.uniqueArray(fc.tuple(inside, text), { selector: ([one]) => one, minLength: 1, maxLength: 4 });

const writeFile = fc.tuple(name, text).map(([at, content]) =>
  step(
    `echo ${content.trim()} > ${at}`,
    () => true,
    (model, world) => {
      world.put(at, fileOf(content));
      model.workspace.set(at, fileOf(content));
    },
  ),
);

const writeFolder = fc.tuple(name, entries).map(([at, files]) =>
  step(
    `write ${at} ${JSON.stringify(files)}`,
    () => true,
    (model, world) => {
      world.put(at, new Map(files));
      model.workspace.set(at, new Map(files));
    },
  ),
);

const isFolderAt = (model: Model, at: Name): boolean => {
  const data = model.workspace.get(at);
  return data !== undefined && isFolder(data);
};

const editInside = fc.tuple(name, inside, text).map(([at, inner, content]) =>
  step(
    `echo ${content.trim()} > ${at}/${inner}`,
    (model) => isFolderAt(model, at),
    (model, world) => {
      world.edit(at, inner, content);
      model.workspace.set(at, new Map([...(model.workspace.get(at) ?? []), [inner, content]]));
    },
  ),
);

const deleteInside = fc.tuple(name, inside).map(([at, inner]) =>
  step(
    `rm ${at}/${inner}`,
    (model) => model.workspace.get(at)?.has(inner) === true,
    (model, world) => {
      world.edit(at, inner, undefined);
      model.workspace.set(at, new Map([...(model.workspace.get(at) ?? [])].filter(([one]) => one !== inner)));
    },
  ),
);

const deleteData = name.map((at) =>
  step(
    `rm -r ${at}`,
    (model) => model.workspace.has(at),
    (model, world) => {
      world.delete(at);
      model.workspace.delete(at);
    },
  ),
);

const commit = fc.constant(
  step(
    "git commit",
    () => true,
    (model, world) => {
      commitNow(model, world);
    },
  ),
);

const switchBranch = fc.constantFrom("main", "left", "right").map((branch) =>
  step(
    `git commit; git checkout ${branch}`,
    (model) => model.branch !== branch,
    (model, world) => {
      commitNow(model, world);
      const tip = model.branches.get(branch);
      world.git("checkout", "-q", ...(tip === undefined ? ["-b", branch] : [branch]));
      model.branch = branch;
      model.branches.set(branch, tip ?? new Map(model.pointers));
      model.pointers.clear();
      for (const [at, oid] of model.branches.get(branch) ?? []) model.pointers.set(at, oid);
    },
  ),
);

const tag = fc.constant(
  step(
    "git commit; git tag",
    () => true,
    (model, world) => {
      commitNow(model, world);
      world.git("tag", `t${String(model.tags.length)}`);
      model.tags.push(new Map(model.pointers));
    },
  ),
);

function commitNow(model: Model, world: World): void {
  world.commit();
  const state = new Map(model.pointers);
  model.branches.set(model.branch, state);
  model.history.push(state);
}

/** The cache is gone, as after `rm -rf`: what was pushed comes back. Links to it would be of no use any more. */
const loseCache = fc.constant(
  step(
    "rm -r .dvc/cache",
    (model) =>
      model.cacheType !== "symlink" && [...model.pointers.values()].every((oid) => model.isWhole(oid, model.remote)),
    (model, world) => {
      world.delete(".dvc/cache");
      model.takeOver(world);
    },
  ),
);

/** What is done by hand and with Git. */
export const handSteps: readonly fc.Arbitrary<Step>[] = [
  writeFile,
  writeFolder,
  writeFolder,
  editInside,
  editInside,
  deleteInside,
  deleteData,
  commit,
  tag,
  switchBranch,
  switchBranch,
  loseCache,
];
