import { describe, expect, it } from "vitest";
import { loadDvcFile } from "./load.ts";
import type { Dependency, Stage } from "./stage.ts";
import { messageOf, project, ROOT, stagesOf } from "./testProject.ts";

const dvcFile = (text: string, name = "data.dvc"): Stage =>
  loadDvcFile(`${ROOT}/${name}`, project({ [name]: text }), { root: ROOT });

const MD5 = "5ea6cea1388ac4eb639ebe9dce5d1023";

describe("loadDvcFile", () => {
  it("reads what `add` writes, with annotations", () => {
    const stage = dvcFile(
      `outs:\n- md5: ${MD5}.dir\n  size: 9\n  nfiles: 4\n  hash: md5\n  path: data\n  desc: d\n  labels: [a]\n  push: false\n  remote: r\n`,
    );
    expect(stage.outs).toEqual([
      {
        defPath: "data",
        path: "/repo/data",
        isLocal: true,
        isInRepo: true,
        hash: { name: "md5", value: `${MD5}.dir` },
        hashName: "md5",
        meta: { size: 9, nfiles: 4 },
        extra: {},
        useCache: true,
        persist: false,
        canPush: false,
        remote: "r",
        metric: false,
        plot: false,
        annotation: { desc: "d", labels: ["a"] },
      },
    ]);
    expect(stage).toMatchObject({ name: undefined, wdir: "/repo", frozen: false, isLocked: true, md5: undefined });
  });

  it("knows entries of DVC 2.x, the old name of frozen, and hashes in capitals", () => {
    const stage = dvcFile(`locked: true\nouts:\n- md5: ${MD5.toUpperCase()}\n  path: x\n`);
    expect(stage.outs[0]?.hash).toEqual({ name: "md5-dos2unix", value: MD5 });
    expect(stage.outs[0]?.hashName).toBe("md5-dos2unix");
    expect(stage.frozen).toBe(true);
  });

  it("reads imports of repositories, storages and databases", () => {
    const repo = dvcFile(
      `md5: ${MD5}\nfrozen: true\nwdir: ..\ndeps:\n- path: d/x\n  repo:\n    url: ../src\n    rev: v1\n    rev_lock: abc\n    remote: {url: s3://b}\nouts:\n- md5: ${MD5}\n  hash: md5\n  path: x\n`,
      "sub/x.dvc",
    );
    expect(repo.deps[0]).toEqual({
      kind: "repo",
      defPath: "d/x",
      repo: { url: "../src", rev: "v1", revLock: "abc", remote: { url: "s3://b" } },
      extra: {},
    });
    expect(repo.wdir).toBe("/repo");
    const url = dvcFile(
      `deps:\n- etag: AbC\n  size: 3\n  version_id: v\n  hash: md5\n  path: s3://b/k\n  fs_config: {version_aware: true}\nouts:\n- hash: md5\n  path: k\n`,
    );
    expect(url.deps[0]).toMatchObject({
      kind: "file",
      isLocal: false,
      hash: { name: "etag", value: "AbC" },
      meta: { size: 3, versionId: "v", etag: "AbC" },
      extra: { fs_config: { version_aware: true } },
    });
    expect(url.outs[0]?.hash).toBeUndefined();
    expect(dvcFile("deps:\n- db: {query: select 1, connection: c}\nouts:\n- path: k\n").deps[0]?.kind).toBe("db");
  });

  it("an empty file is a stage without outputs", () => {
    expect(dvcFile("")).toMatchObject({ outs: [], deps: [] });
  });

  it("refuses hashes that are none, and outputs no tool may write", () => {
    const out = (path: string, md5 = MD5): string =>
      messageOf(() => dvcFile(`outs:\n- md5: ${md5}\n  hash: md5\n  path: ${JSON.stringify(path)}\n`));
    expect(out("x", "../../etc/passwd")).toContain("'../../etc/passwd' is not a valid md5 of 'x'");
    expect(out(".git/hooks/pre-commit")).toContain("it touches '.git'");
    expect(out("a/../.DVC/config")).toContain("it touches '.DVC'");
    expect(out(".")).toContain("it is the project itself");
    expect(out("x.dvc")).toBe("DVC file 'x.dvc' cannot be an output.");
    expect(dvcFile(`outs:\n- md5: ${MD5}\n  path: ../out\n`, "sub/x.dvc").outs[0]?.path).toBe("/repo/out");
    expect(dvcFile(`outs:\n- md5: ${MD5}\n  path: ../out\n`).outs[0]?.isInRepo).toBe(false);
  });
});

describe("loadProjectFile", () => {
  const YAML = `stages:
  train:
    desc: about
    cmd: python train.py
    wdir: src
    deps: [in.txt, /repo/abs.txt, s3://b/k, "ds://set", "remote://store/f"]
    params: [lr, {other.json: [a, b]}, {whole.toml: }, train.epochs]
    outs: [model, {kept: {cache: false, persist: true, remote: r, push: false}}, model]
    metrics: [{m.json: {cache: false}}]
    plots: [{p.csv: {x: step, template: t, desc: d}}]
    frozen: true
    always_changed: true
    meta: {who: me}
`;
  const LOCK = `schema: '2.0'
stages:
  train:
    cmd: python old.py
    deps:
    - path: in.txt
      hash: md5
      md5: ${MD5}
      size: 1
    - path: ds://set
      dataset: {name: set}
    params:
      params.yaml: {lr: 0.1, gone: 1}
      whole.toml: {z: 1}
    outs:
    - path: model
      md5: ${MD5}
      isexec: true
`;
  const [stage] = stagesOf({ "dvc.yaml": YAML, "dvc.lock": LOCK }, { remoteUrl: () => "s3://bucket/base" });

  it("joins dvc.yaml and dvc.lock", () => {
    expect(stage).toMatchObject({
      name: "train",
      wdir: "/repo/src",
      cmd: "python train.py",
      lockedCmd: "python old.py",
      desc: "about",
      meta: { who: "me" },
      frozen: true,
      alwaysChanged: true,
      isLocked: true,
      isGenerated: false,
      isParametrized: false,
    });
    const shown = (dep: Dependency): unknown =>
      "path" in dep ? [dep.kind, dep.defPath, dep.path] : [dep.kind, dep.defPath];
    expect(stage?.deps.map(shown)).toEqual([
      ["file", "in.txt", "/repo/src/in.txt"],
      ["file", "../abs.txt", "/repo/abs.txt"],
      ["file", "s3://b/k", "s3://b/k"],
      ["dataset", "ds://set"],
      ["file", "remote://store/f", "s3://bucket/base/f"],
      ["params", "params.yaml", "/repo/src/params.yaml"],
      ["params", "other.json", "/repo/src/other.json"],
      ["params", "whole.toml", "/repo/src/whole.toml"],
    ]);
    expect(stage?.deps[0]).toMatchObject({ hash: { name: "md5", value: MD5 }, meta: { size: 1 } });
    expect(stage?.deps[5]).toMatchObject({ params: ["lr", "train.epochs"], locked: { lr: 0.1 } });
    expect(stage?.deps[6]).toMatchObject({ params: ["a", "b"], locked: undefined });
    expect(stage?.deps[7]).toMatchObject({ params: [], locked: { z: 1 } });
  });

  it("reads the flags of outputs, each path once", () => {
    expect(stage?.outs.map((out) => out.defPath)).toEqual(["model", "kept", "m.json", "p.csv"]);
    expect(stage?.outs[0]).toMatchObject({ hash: { name: "md5-dos2unix" }, meta: { isexec: true }, useCache: true });
    expect(stage?.outs[1]).toMatchObject({
      useCache: false,
      persist: true,
      remote: "r",
      canPush: false,
      hash: undefined,
      hashName: "md5",
    });
    expect(stage?.outs[2]).toMatchObject({ metric: true, plot: false });
    expect(stage?.outs[3]).toMatchObject({ plot: { x: "step", template: "t" }, annotation: { desc: "d" } });
  });

  it("tells stages that are not in dvc.lock", () => {
    const [one] = stagesOf({ "dvc.yaml": "stages:\n  a:\n    cmd: [x, y]\n", "dvc.lock": "schema: '2.0'\n" });
    expect(one).toMatchObject({ isLocked: false, lockedCmd: undefined, cmd: ["x", "y"] });
  });

  it("names a remote that does not exist, and files that are missing or wrong", () => {
    const yaml = { "dvc.yaml": "stages:\n  a:\n    cmd: x\n    deps: ['remote://no/f']\n" };
    expect(messageOf(() => stagesOf(yaml, { remoteUrl: () => undefined }))).toBe("remote 'no' doesn't exist");
    expect(messageOf(() => stagesOf({}))).toBe("'/repo/dvc.yaml' does not exist");
    expect(() => stagesOf({ "dvc.yaml": "stages:\n  a: {}\n" })).toThrow("'./dvc.yaml' validation failed");
  });
});
