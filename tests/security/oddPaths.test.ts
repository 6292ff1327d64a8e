import { afterEach, beforeEach, expect, it } from "vitest";
import { withstands } from "../support/hostile.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
});
afterEach(() => {
  rig.close();
});

const MD5 = "d41d8cd98f00b204e9800998ecf8427e";

/** Paths that no file system takes. */
const paths: Record<string, string> = {
  "100,000 folders deep": `${"a/".repeat(100_000)}x`,
  "a name of 5000 letters": "n".repeat(5000),
  "100,000 folders up": "../".repeat(100_000),
  NUL: "a\\0b",
};

const files: Record<string, (path: string) => [name: string, text: string]> = {
  "an output": (path) => ["x.dvc", `outs:\n- md5: ${MD5}\n  path: "${path}"\n`],
  "the folder of a .dvc file": (path) => ["x.dvc", `wdir: "${path}"\nouts:\n- md5: ${MD5}\n  path: x\n`],
  "a dependency": (path) => ["x.dvc", `deps:\n- path: "${path}"\nouts:\n- md5: ${MD5}\n  path: x\n`],
  "a path of an import": (path) => [
    "x.dvc",
    `frozen: true\ndeps:\n- path: "${path}"\n  repo: {url: ../source, rev_lock: ${"a".repeat(40)}}\nouts:\n- md5: ${MD5}\n  path: x\n`,
  ],
  "the folder of a stage": (path) => ["dvc.yaml", `stages:\n  a: {cmd: echo, wdir: "${path}"}\n`],
  "an output of a stage": (path) => ["dvc.yaml", `stages:\n  a: {cmd: echo, outs: ["${path}"]}\n`],
  "a file of parameters": (path) => ["dvc.yaml", `stages:\n  a: {cmd: echo, params: [{"${path}": [a]}]}\n`],
};

it.each(Object.keys(paths).flatMap((path) => Object.keys(files).map((file) => [path, file] as const)))(
  "%s: %s is told clearly, soon, and nothing is written",
  (path, file) => {
    const [name, text] = files[file]?.(paths[path] ?? "") ?? ["", ""];
    rig.write(name, text);
    for (const words of [["status"], name === "x.dvc" ? ["checkout", "-f"] : ["repro", "--dry"]]) {
      const { err } = withstands(rig, words, `${path}: ${file}`);
      if (path !== "a name of 5000 letters")
        expect(err).toMatch(/(path|wdir) ".*" in '.*' (is longer|holds)|is invalid/);
    }
  },
);

it("a folder that stands where a file was recorded is listed, as in DVC", () => {
  rig.write("data/a", "a");
  rig.write("data.dvc", `outs:\n- md5: ${MD5}\n  path: data\n`);
  expect(rig.ok("list", ".", "data")).toBe("a\n");
  expect(rig.ok("du", ".", "data")).toContain("data/a");
});
