import { describe, expect, it } from "vitest";
import { type Lockfile, parseLockfile, serializeLockfile } from "./lockfile.ts";

const HASH = "60b725f10c9c85c70d97880dfe8191b3";

/** As `repro` records it: the values of nested parameters are parts of those around them. */
const lockOf = (): Lockfile => {
  const opt = { lr: 1, mom: 2 };
  const list = [1, 2];
  const params = { "params.yaml": { train: { opt, list }, "train.list": list, "train.opt": opt } };
  const outs = [{ path: "a", hash: "md5", md5: HASH, size: 2 }];
  return {
    schema: "2.0",
    stages: {
      a: { cmd: "echo a > a", params, outs },
      b: { cmd: "true", params: { "params.yaml": { "train.opt": opt } } },
    },
  } as unknown as Lockfile;
};

/** Recorded from DVC 3.67.1. */
const TEXT = `schema: '2.0'
stages:
  a:
    cmd: echo a > a
    params:
      params.yaml:
        train:
          opt: &id002
            lr: 1
            mom: 2
          list: &id001
          - 1
          - 2
        train.list: *id001
        train.opt: *id002
    outs:
    - path: a
      hash: md5
      md5: ${HASH}
      size: 2
  b:
    cmd: 'true'
    params:
      params.yaml:
        train.opt:
          lr: 1
          mom: 2
`;

describe("a parameter within another, in dvc.lock", () => {
  it("is an alias, numbered in the order of reference, within one stage only", () => {
    expect(serializeLockfile(lockOf())).toBe(TEXT);
  });

  it("reads back in full", () => {
    const params = parseLockfile(TEXT, "dvc.lock").stages?.["a"]?.["params"];
    expect(params).toEqual({
      "params.yaml": {
        train: { opt: { lr: 1, mom: 2 }, list: [1, 2] },
        "train.list": [1, 2],
        "train.opt": { lr: 1, mom: 2 },
      },
    });
  });

  it("is numbered anew over the whole file when a stage changes; anchors of a person's own stay", () => {
    const lock = lockOf();
    const own = TEXT.replace(/id002/g, "mine");
    const changed = { ...lock, stages: { ...lock.stages, b: lock.stages?.["a"] } } as Lockfile;
    const text = serializeLockfile(changed, own, ["b"]);
    expect(text.match(/[&*]\w+/g)).toEqual([
      "&mine",
      "&id001",
      "*id001",
      "*mine",
      "&id003",
      "&id002",
      "*id002",
      "*id003",
    ]);
    expect(serializeLockfile(changed, TEXT, ["b"]).match(/[&*]\w+/g)).toEqual([
      "&id002",
      "&id001",
      "*id001",
      "*id002",
      "&id004",
      "&id003",
      "*id003",
      "*id004",
    ]);
  });
});
