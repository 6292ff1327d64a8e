import { chmodSync } from "node:fs";
import type { Rig } from "./rig.ts";

/** Two versions of data, model, metric and code, each saved; the remote and Git's remote are folders. */
export function twoVersions(rig: Rig): void {
  rig.git("init", "-q", "--bare", "../origin.git");
  rig.git("remote", "add", "origin", "../origin.git");
  rig.ok("remote", "add", "-q", "-d", "store", "../store");
  for (const name of ["a", "b"]) rig.write(`data/${name}`, `${name}1`);
  rig.write("model.pkl", "model 1");
  rig.write("metrics.json", '{"acc": 0.9}');
  rig.write("dvc.yaml", "metrics: [metrics.json]\n");
  rig.write("train.py", "1\n");
  rig.ok("add", "-q", "data", "model.pkl");
  rig.git("add", "metrics.json", "train.py", "dvc.yaml");
  rig.ok("snapshot", "save", "-m", "first", "--tag", "v1.0", "--push");
  rig.write("data/c", "c1");
  rig.write("model.pkl", "model 2");
  rig.write("metrics.json", '{"acc": 0.95}');
  rig.write("train.py", "2\n");
  rig.ok("snapshot", "save", "--tag", "v2.0", "--push");
}

/** Everything of Git's and all pointers that a save may change. */
export function gitState(rig: Rig): unknown {
  return {
    head: rig.git("rev-parse", "HEAD"),
    tags: rig.git("tag"),
    staged: rig.git("diff", "--cached", "--name-status"),
    pointers: rig.read("data.dvc"),
    ignore: rig.read(".gitignore"),
    leftovers: rig.git("status", "--porcelain"),
  };
}

/** Writes a hook of Git's, below a folder that is a repository. */
export function writeHook(rig: Rig, name: string, script: string, gitDir = ".git"): void {
  rig.write(`${gitDir}/hooks/${name}`, `#!/bin/sh\n${script}\n`);
  chmodSync(rig.path(`${gitDir}/hooks/${name}`), 0o755);
}
