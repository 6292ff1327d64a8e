import { afterEach, beforeEach, expect, it } from "vitest";
import { filesUnder } from "../support/killing.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
  rig.write(".dvcignore", "*.log\n");
  rig.write("d/a", "1");
  rig.write("d/x.log", "ignored, and nowhere else");
  rig.ok("add", "-q", "d");
  rig.ok("remote", "add", "-q", "-d", "r", rig.path("../r"));
  rig.ok("push", "-q");
});
afterEach(() => {
  rig.close();
});

it("evict and purge leave a folder in which ignored files lie", () => {
  rig.run(["evict", "d.dvc"]);
  expect(rig.read("d/x.log")).toContain("nowhere else");
  rig.run(["purge", "d.dvc"]);
  expect(rig.read("d/x.log")).toContain("nowhere else");
});

it("remove --outs puts a folder with ignored files into the trash", () => {
  rig.ok("remove", "-q", "--outs", "d.dvc");
  expect(filesUnder(rig.path(".dvc/tmp/trash")).some((path) => path.endsWith("d/x.log"))).toBe(true);
  rig.ok("undo");
  expect(rig.read("d/x.log")).toContain("nowhere else");
});
