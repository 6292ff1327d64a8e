import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BINARY, Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
  mkdirSync(rig.path("../programs"));
  writeFileSync(rig.path("../programs/holdfast"), `#!/bin/sh\nexec '${process.execPath}' '${BINARY}' "$@"\n`);
  chmodSync(rig.path("../programs/holdfast"), 0o755);
});
afterEach(() => {
  rig.close();
});

/** What bash offers behind these words. */
function offered(...words: string[]): string[] {
  const script = `${rig.ok("completion", "-s", "bash")}
COMP_WORDS=(holdfast ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${String(words.length)}
_holdfast
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const ran = spawnSync("bash", ["--norc", "-c", script], {
    cwd: rig.dir,
    env: { ...rig.env, PATH: `${rig.path("../programs")}:${process.env["PATH"] ?? ""}` },
    encoding: "utf8",
  });
  return ran.stdout.split("\n").filter(Boolean);
}

it("a remote that a stranger has named runs nothing when its name is completed", () => {
  const names = ["store", "stage-2", "$(touch${IFS}pwned)", "`touch${IFS}pwned`", "a;touch${IFS}pwned", "$HOME"];
  rig.write(".dvc/config", names.map((name) => `['remote "${name}"']\n    url = /tmp/x\n`).join(""));
  expect(offered("push", "-r", "")).toEqual(["store", "stage-2"]);
  expect(offered("remote", "remove", "sta")).toEqual(["stage-2"]);
  expect(existsSync(rig.path("pwned"))).toBe(false);
});
