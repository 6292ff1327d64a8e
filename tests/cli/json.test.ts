import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  rig.project();
});
afterEach(() => {
  rig.close();
});

describe("--json", () => {
  it("keeps stdout for one document; what is said on the way goes to stderr", () => {
    rig.write("data/a", "one");
    const added = rig.run(["add", "--json", "data"]);
    expect(JSON.parse(added.out)).toMatchObject({ stages: [{ file: "data.dvc", nfiles: 1 }] });
    expect(added.err).toContain("git add");
    rig.write("data/a", "two");
    rig.ok("add", "data");
    const removed = rig.run(["gc", "-w", "-f", "--json"]);
    expect(JSON.parse(removed.out)).toMatchObject({ cache: { objects: 2 } });
    expect(removed.err).toContain("Removed 2 objects");
  });
});

describe("move", () => {
  it("is finished by a second run when the first was killed after the data was renamed", () => {
    rig.write("data/a", "one");
    rig.ok("add", "data");
    rig.write("new/a", "one");
    rmSync(rig.path("data"), { recursive: true });
    expect(rig.run(["move", "data", "new"]).code).toBe(0);
    expect(rig.read("new.dvc")).toContain("path: new");
    expect(rig.read("data.dvc")).toBeUndefined();
    expect(rig.run(["status"]).out).toBe("Data and pipelines are up to date.\n");
  });
});
