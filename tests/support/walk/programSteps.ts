import fc from "fast-check";
import { expect } from "vitest";
import { type Data, INSIDE, isFolder, isSame, md5, type Name, NAMES, objectsOf, oidOf } from "./data.ts";
import { type Step, step } from "./handSteps.ts";
import type { Model } from "./model.ts";
import type { Ended, World } from "./world.ts";

const name = fc.constantFrom(...NAMES);

/** Runs a verb that the journal notes. */
function noted(model: Model, world: World, ...args: string[]): Ended {
  const before = world.workspace();
  const entries = new Set(world.journal());
  const ended = world.run(args, { mayDelete: args.includes("-c") });
  const entry = world.journal().find((one) => !entries.has(one));
  if (entry !== undefined) model.noted.push({ entry, before, after: world.workspace() });
  return ended;
}

/** Compares the disk with the model. */
function compare(model: Model, world: World): void {
  expect(asTexts(world.held()), "workspace").toEqual(asTexts(model.workspace));
  expect(sorted(world.pointers()), "pointers").toEqual(sorted(model.pointers));
  expect([...world.cached()].sort(), "cache").toEqual([...model.cache].sort());
  expect([...world.stored()].sort(), "remote").toEqual([...model.remote].sort());
}

const sorted = (map: ReadonlyMap<Name, string>): [Name, string][] => [...map].sort();
const asTexts = (held: ReadonlyMap<Name, Data>): [Name, [string, string][]][] =>
  [...held].map(([at, data]): [Name, [string, string][]] => [at, [...data].sort()]).sort();

function succeed({ code, said }: Ended): void {
  if (code !== 0) throw new Error(`exit code ${String(code)}: ${said}`);
}

function fail({ code }: Ended): void {
  if (code === 0) throw new Error("it should have failed");
}

const add = fc.uniqueArray(name, { minLength: 1, maxLength: 3 }).map((names) =>
  step(
    `add ${names.join(" ")}`,
    (model) => names.every((at) => model.workspace.has(at)),
    (model, world) => {
      succeed(noted(model, world, "add", ...names));
      for (const at of names) model.record(at);
      compare(model, world);
    },
  ),
);

const addInside = fc.tuple(name, fc.constantFrom(...INSIDE)).map(([at, inner]) =>
  step(
    `add ${at}/${inner}`,
    (model) => {
      const now = model.workspace.get(at);
      if (!model.hasManifest(at) || now === undefined || !isFolder(now)) return false;
      return now.has(inner) || model.dataOf(model.pointers.get(at) ?? "").has(inner);
    },
    (model, world) => {
      const recorded = new Map(model.dataOf(model.pointers.get(at) ?? ""));
      const text = model.workspace.get(at)?.get(inner);
      succeed(noted(model, world, "add", `${at}/${inner}`));
      if (text === undefined) recorded.delete(inner);
      else recorded.set(inner, text);
      const oid = model.know(recorded);
      model.pointers.set(at, oid);
      for (const one of [oid, ...(text === undefined ? [] : [md5(text)])]) model.cache.add(one);
      compare(model, world);
    },
  ),
);

const commit = fc.constant(
  step(
    "commit -f",
    (model) => model.pointers.size > 0,
    (model, world) => {
      const all = [...model.pointers.keys()].every((at) => model.workspace.has(at));
      const ended = noted(model, world, "commit", "-f");
      if (!all) {
        fail(ended);
        model.takeOver(world);
        return;
      }
      succeed(ended);
      for (const at of model.pointers.keys()) model.record(at);
      compare(model, world);
    },
  ),
);

/** What a checkout may do to data that nothing lists any more: leave it, or remove what the cache has. */
function takeUnlisted(model: Model, world: World): void {
  const held = world.held();
  for (const [at, data] of model.workspace) {
    if (model.pointers.has(at) || held.has(at)) continue;
    expect([...data.values()].every((text) => model.cache.has(md5(text)))).toBe(true);
    model.workspace.delete(at);
  }
}

function checkedOut(model: Model, world: World, ended: Ended, names: readonly Name[], force: boolean): void {
  takeUnlisted(model, world);
  const wants = names.map((at) => ({ at, data: model.dataOf(model.pointers.get(at) ?? "") }));
  const isThere = (data: Data): boolean => objectsOf(data).every((oid) => model.cache.has(oid));
  const lacks = wants.some(({ at, data }) => !isThere(data) && !isSame(model.workspace.get(at), data));
  const unsaved = wants.flatMap(({ at, data }) =>
    isSame(model.workspace.get(at), data) ? [] : model.unsaved(at, data),
  );
  if (unsaved.length > 0 && !force) {
    fail(ended);
    if (!lacks) expect(ended.said).toContain("unsaved");
    const before = asTexts(model.workspace);
    if (lacks) model.takeOver(world);
    else compare(model, world);
    // Whatever was there: nothing that is nowhere else went.
    expect(before.length).toBeGreaterThan(0);
    return;
  }
  if (lacks) fail(ended);
  else succeed(ended);
  for (const { at, data } of wants) if (isThere(data)) model.workspace.set(at, data);
  compare(model, world);
}

const checkout = fc.tuple(fc.boolean(), fc.option(name)).map(([force, at]) =>
  step(
    `checkout${force ? " -f" : ""}${at === null ? "" : ` ${at}`}`,
    (model) => (at === null ? model.pointers.size > 0 : model.pointers.has(at)),
    (model, world) => {
      const ended = noted(model, world, "checkout", ...(force ? ["-f"] : []), ...(at === null ? [] : [at]));
      checkedOut(model, world, ended, at === null ? [...model.pointers.keys()] : [at], force);
    },
  ),
);

const remove = fc.tuple(name, fc.boolean()).map(([at, outs]) =>
  step(
    `remove ${outs ? "--outs " : ""}${at}.dvc`,
    (model) => model.pointers.has(at),
    (model, world) => {
      succeed(noted(model, world, "remove", `${at}.dvc`, ...(outs ? ["--outs"] : [])));
      model.pointers.delete(at);
      if (outs) model.workspace.delete(at);
      compare(model, world);
    },
  ),
);

const move = fc.tuple(name, name).map(([from, to]) =>
  step(
    `move ${from} ${to}`,
    (model) =>
      model.pointers.has(from) && model.workspace.has(from) && !model.pointers.has(to) && !model.workspace.has(to),
    (model, world) => {
      const hasFolder = !to.includes("/") || world.isThere(to.replace(/\/.*/, ""));
      const ended = noted(model, world, "move", from, to);
      if (hasFolder) {
        succeed(ended);
        const data = model.workspace.get(from);
        if (data !== undefined) model.workspace.set(to, data);
        model.workspace.delete(from);
        model.pointers.delete(from);
        model.record(to);
      } else fail(ended);
      compare(model, world);
    },
  ),
);

const push = fc.constant(
  step(
    "push",
    (model) => model.pointers.size > 0,
    (model, world) => {
      const oids = [...model.pointers.values()];
      const all = new Set([...model.cache, ...model.remote]);
      const ended = world.run(["push"]);
      if (!oids.every((oid) => model.isWhole(oid, all))) return takeStores(model, world);
      if (oids.every((oid) => model.isWhole(oid, model.cache))) succeed(ended);
      else if (ended.code !== 0) return takeStores(model, world);
      for (const oid of oids) for (const one of model.objectsOf(oid)) model.remote.add(one);
      // A manifest may have been fetched, to know the files.
      takeManifests(model, world);
      compare(model, world);
    },
  ),
);

function takeStores(model: Model, world: World): void {
  model.takeStores(world);
  compare(model, world);
}

function takeManifests(model: Model, world: World): void {
  for (const oid of world.cached()) if (oid.endsWith(".dir")) model.cache.add(oid);
}

function fetched(model: Model, ended: Ended): boolean {
  const oids = [...model.pointers.values()];
  if (!oids.every((oid) => model.isWhole(oid, new Set([...model.cache, ...model.remote])))) return false;
  succeed(ended);
  for (const oid of oids) for (const one of model.objectsOf(oid)) model.cache.add(one);
  return true;
}

const fetch = fc.constant(
  step(
    "fetch",
    (model) => model.pointers.size > 0,
    (model, world) => {
      const ended = world.run(["fetch"]);
      if (fetched(model, ended)) compare(model, world);
      else takeStores(model, world);
    },
  ),
);

const pull = fc.boolean().map((force) =>
  step(
    `pull${force ? " -f" : ""}`,
    (model) => model.pointers.size > 0,
    (model, world) => {
      const ended = noted(model, world, "pull", ...(force ? ["-f"] : []));
      const oids = [...model.pointers.values()];
      if (!oids.every((oid) => model.isWhole(oid, new Set([...model.cache, ...model.remote])))) {
        fail(ended);
        model.takeOver(world);
        return;
      }
      for (const oid of oids) for (const one of model.objectsOf(oid)) model.cache.add(one);
      checkedOut(model, world, ended, [...model.pointers.keys()], force);
    },
  ),
);

const gc = fc.tuple(fc.constantFrom("-w", "-a", "-T", "-A"), fc.boolean()).map(([scope, cloud]) =>
  step(
    `gc ${scope}${cloud ? " -c" : ""}`,
    () => true,
    (model, world) => {
      const tip = model.branches.get(model.branch) ?? new Map<Name, string>();
      const records = [model.pointers, tip];
      if (scope === "-a") records.push(...model.branches.values());
      if (scope === "-T") records.push(...model.tags);
      if (scope === "-A") records.push(...model.history);
      const used = model.closure(records);
      const manifests = [...used].filter((oid) => oid.endsWith(".dir"));
      const ended = noted(model, world, "gc", scope, "-f", ...(cloud ? ["-c"] : []));
      const kept = (store: ReadonlySet<string>): string[] => [...store].filter((oid) => used.has(oid)).sort();
      if (manifests.every((oid) => model.cache.has(oid))) {
        succeed(ended);
        expect([...world.cached()].sort()).toEqual(kept(model.cache));
        expect([...world.stored()].sort()).toEqual(cloud ? kept(model.remote) : [...model.remote].sort());
      } else expect([...world.cached()]).toEqual(expect.arrayContaining(kept(model.cache)));
      takeStores(model, world);
    },
  ),
);

const gcUndo = fc.constant(
  step(
    "gc --undo",
    (model) => model.hasLost,
    (model, world) => {
      const before = [...model.cache];
      world.run(["gc", "--undo"]);
      expect([...world.cached()]).toEqual(expect.arrayContaining(before));
      takeStores(model, world);
    },
  ),
);

const undo = fc.boolean().map((force) =>
  step(
    `undo${force ? " -f" : ""}`,
    () => true,
    (model, world) => {
      const entries = world.journal().filter((entry) => !world.isUndone(entry));
      const newest = model.noted.find(({ entry }) => entry === entries.at(-1));
      const now = world.workspace();
      const ended = world.run(["undo", ...(force ? ["-f"] : [])]);
      if (newest === undefined) fail(ended);
      else if (JSON.stringify(now) === JSON.stringify(newest.after) && !model.hasLost) {
        succeed(ended);
        expect(world.contentsOf(world.workspace())).toEqual(world.contentsOf(newest.before));
      } else if (ended.code !== 0 && !force) expect(world.workspace()).toEqual(now);
      model.takeOver(world);
    },
  ),
);

/** Whoever clones what was committed and pushed gets the same data. */
const clone = fc.constant(
  step(
    "clone and pull",
    (model) => (model.branches.get(model.branch)?.size ?? 0) > 0,
    (model, world) => {
      const tip = model.branches.get(model.branch) ?? new Map<Name, string>();
      const { held, code, said } = world.freshClone();
      const isAllThere = [...tip.values()].every((oid) => model.isWhole(oid, model.remote));
      if (isAllThere) succeed({ code, said });
      else fail({ code, said });
      for (const [at, oid] of tip) {
        const data = held.get(at);
        if (model.isWhole(oid, model.remote)) expect(data === undefined ? at : oidOf(data)).toBe(oid);
      }
    },
  ),
);

const status = fc.constant(
  step(
    "status",
    () => true,
    (model, world) => {
      const { code, said } = world.look(["status", "--json"]);
      expect(code).toBe(0);
      expect(Object.keys(JSON.parse(said) as object).sort()).toEqual(
        model
          .changed()
          .map((at) => `${at}.dvc`)
          .sort(),
      );
    },
  ),
);

const look = fc
  .constantFrom(
    "data status --granular",
    "status -c",
    "diff",
    "list . -R",
    "gc -w --dry",
    "gc -A --preview",
    "undo --list",
    "undo --dry-run",
    "fsck",
    "du .",
    "snapshot list",
    "dag",
  )
  .map((line) =>
    step(
      line,
      () => true,
      (_, world) => {
        world.look(line.split(" "));
      },
    ),
  );

/** What is done with the program. */
export const programSteps: readonly fc.Arbitrary<Step>[] = [
  add,
  add,
  add,
  addInside,
  commit,
  checkout,
  checkout,
  remove,
  move,
  push,
  push,
  fetch,
  pull,
  gc,
  gcUndo,
  undo,
  undo,
  clone,
  status,
  status,
  look,
];
