import { describe, expect, it } from "vitest";
import { type Lockfile, type LockStage, parseLockfile, serializeLockfile } from "../formats/lockfile.ts";
import { readLock } from "./lockText.ts";

const stage = (cmd: string): LockStage => ({ cmd, outs: [{ path: "o", hash: "md5", md5: "0".repeat(32), size: 1 }] });
let serial = 0;
const fresh = (text?: string): ReturnType<typeof readLock> =>
  readLock(`/p${String(serial++)}/dvc.lock`, text, "dvc.lock");

/** What the slow way makes of it: parse, change, write. */
const slowly = (text: string | undefined, name: string, value: LockStage): string => {
  const lock: Lockfile = text === undefined ? { schema: "2.0" } : parseLockfile(text, "dvc.lock");
  return serializeLockfile({ ...lock, stages: { ...lock.stages, [name]: value } }, text, [name]);
};

describe("a dvc.lock that is written again and again", () => {
  it("has the bytes of one that is parsed each time, also with odd names and commands", () => {
    const lock = fresh();
    let text: string | undefined;
    const names = ["a", "1", "b@x", "key: value", "yes", "a"];
    const commands = ["x", "two\nlines\n", "  - path: o\n  b:\n", "'quoted' #no", "é", "y".repeat(200)];
    for (const [index, name] of names.entries()) {
      const value = stage(commands[index] ?? "");
      text = slowly(text, name, value);
      expect(lock.with(new Map([[name, value]]))).toBe(text);
    }
    expect(Object.keys(parseLockfile(text ?? "", "dvc.lock").stages ?? {}).sort()).toEqual(
      ["1", "a", "b@x", "key: value", "yes"].sort(),
    );
  });

  it("keeps comments and aliases of a file that others wrote", () => {
    const text =
      "# mine\nschema: '2.0'\nstages:\n  a:\n    cmd: x # why\n    params:\n      p.yaml:\n        k: &id001 [1]\n        l: *id001\n";
    const lock = fresh(text);
    const first = lock.with(new Map([["b", stage("y")]]));
    expect(first).toBe(slowly(text, "b", stage("y")));
    expect(lock.with(new Map([["c", stage("z")]]))).toBe(slowly(first, "c", stage("z")));
  });

  it("places new stages by the order given, and forgets what somebody else changed", () => {
    const file = "/q/dvc.lock";
    const order = ["a", "b", "c"];
    const lock = readLock(file, undefined, "dvc.lock");
    lock.with(new Map([["old", stage("x")]]), order);
    lock.with(new Map([["c", stage("x")]]), order);
    const text = lock.with(new Map([["b", stage("x")]]), order);
    expect(text.match(/^ {2}\w+/gm)).toEqual(["  old", "  b", "  c"]);
    expect(readLock(file, text, "dvc.lock")).toBe(lock);
    const other = readLock(file, text.replace("old", "new"), "dvc.lock");
    expect(Object.keys(other.stages)).toEqual(["new", "b", "c"]);
  });
});
