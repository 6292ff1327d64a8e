import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { refuses, withstands } from "../support/hostile.ts";
import { filesUnder, md5Of } from "../support/killing.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
  rig.write("data/a", "a");
  rig.write("data/b", "b");
  rig.ok("add", "-q", "data");
});
afterEach(() => {
  rig.close();
});

it("facts that somebody else left in their place, of any size, cost nothing", () => {
  const site = rig.path("../config/site");
  rig.ok("status");
  const facts = filesUnder(site);
  expect(facts.length).toBeGreaterThan(2);
  for (const file of facts) truncateSync(file, 3_000_000_000);
  rmSync(rig.path("data"), { recursive: true });
  for (const words of [["status"], ["checkout"], ["add", "data"], ["data", "status"], ["fsck"]]) {
    const { code } = words[0] === "checkout" ? rig.run(words) : withstands(rig, words, "facts");
    expect([words, code]).toEqual([words, 0]);
  }
});

it("a manifest of a remote that is larger than any is not read", () => {
  const remote = join(dirname(rig.dir), "remote");
  rig.ok("remote", "add", "-q", "-d", "r", remote);
  rig.ok("push", "-q");
  const [manifest = ""] = filesUnder(remote).filter((file) => file.endsWith(".dir"));
  chmodSync(manifest, 0o644);
  truncateSync(manifest, 700_000_000);
  rmSync(rig.path(".dvc/cache"), { recursive: true });
  for (const words of [["fetch"], ["status", "-c"]]) refuses(rig, words, "a manifest of 700 MB");
});

it("a template that is nested without end is refused", () => {
  rig.write(".dvc/plots/deep.json", `${'{"a":'.repeat(5000)}"<DVC_METRIC_DATA>"${"}".repeat(5000)}`);
  rig.write("p.csv", "x,y\n1,2\n");
  rig.write("dvc.yaml", "plots:\n- p.csv: {template: deep, x: x, y: y}\n");
  expect(rig.run(["plots", "show", "--json"]).err).toContain("Template 'deep' is nested too deeply");
});

it("a config that holds a NUL, or a folder that no system takes, is told clearly", () => {
  rig.write(".dvc/config", '[cache]\n    dir = "a\0b"\n');
  refuses(rig, ["status"], "NUL");
  rig.write(".dvc/config", `[cache]\n    dir = ${"a/".repeat(5000)}\n`);
  refuses(rig, ["status"], "a long folder");
});

it("repro --dry leaves damaged objects where they are", () => {
  rig.ok("stage", "add", "-q", "-n", "s", "-d", "data", "-o", "out", "cp data/a out");
  rig.ok("repro", "-q");
  rmSync(rig.path("out"));
  const name = createHash("md5").update("a").digest("hex");
  const object = rig.path(`.dvc/cache/files/md5/${name.slice(0, 2)}/${name.slice(2)}`);
  chmodSync(object, 0o644);
  writeFileSync(object, "other");
  const before = filesUnder(rig.path(".dvc/cache")).map((file) => [file, statSync(file).mtimeMs, md5Of(file)]);
  withstands(rig, ["repro", "--dry"], "a damaged object");
  expect(filesUnder(rig.path(".dvc/cache")).map((file) => [file, statSync(file).mtimeMs, md5Of(file)])).toEqual(before);
  mkdirSync(rig.path(".dvc/tmp/quarantine"), { recursive: true });
  expect(readdirSync(rig.path(".dvc/tmp/quarantine"))).toEqual([]);
});

it("a device, a pipe or a huge file in place of certificates is told and not read", () => {
  execFileSync("mkfifo", [rig.path("../pipe")]);
  writeFileSync(rig.path("../large"), "");
  truncateSync(rig.path("../large"), 1_000_000_000);
  for (const file of ["/dev/zero", rig.path("../pipe"), rig.path("../large")]) {
    rig.write(
      ".dvc/config",
      `[core]\n    remote = r\n['remote "r"']\n    url = https://127.0.0.1:9/x\n    ssl_verify = ${file}\n`,
    );
    for (const words of [["push"], ["status", "-c"], ["remote", "test"]]) {
      const { code } = withstands(rig, words, file);
      expect([file, words, code]).not.toEqual([file, words, 0]);
    }
    expect(rig.run(["push"]).err).toContain(file);
  }
});
