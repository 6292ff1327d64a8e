import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { add } from "../../packages/core/src/api/add.ts";
import { makeProject, type ProjectFixture } from "../support/project.ts";

let project: ProjectFixture;
let source: string;

beforeEach(() => {
  project = makeProject();
  source = join(project.root, "..", "source");
  project.put("../source/a", "A");
  project.put("../source/sub/b", "B");
});
afterEach(() => {
  project.remove();
});

describe("add --out after a run that was killed before the .dvc file", () => {
  it("takes the copy that is there when it equals the source", async () => {
    cpSync(join(source, "a"), join(project.root, "here"));
    await add(project.open(), ["../source/a"], { out: "here" });
    expect(readFileSync(join(project.root, "here.dvc"), "utf8")).toContain("size: 1");
    expect(readFileSync(join(project.root, "here"), "utf8")).toBe("A");
  });

  it("refuses when something else is there, and leaves it", async () => {
    writeFileSync(join(project.root, "here"), "mine");
    await expect(add(project.open(), ["../source/a"], { out: "here" })).rejects.toThrow("already exists locally");
    expect(readFileSync(join(project.root, "here"), "utf8")).toBe("mine");
    expect(existsSync(join(project.root, "here.dvc"))).toBe(false);
  });

  it("refuses a tracked output without --force, even an equal one", async () => {
    await add(project.open(), ["../source/a"], { out: "here" });
    await expect(add(project.open(), ["../source/a"], { out: "here" })).rejects.toThrow("already exists locally");
    await add(project.open(), ["../source/sub/b"], { out: "here", force: true });
    expect(readFileSync(join(project.root, "here"), "utf8")).toBe("B");
  });
});
