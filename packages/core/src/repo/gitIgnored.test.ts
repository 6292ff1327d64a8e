import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";

let project: ProjectFixture;
beforeEach(() => {
  project = makeProject();
});
afterEach(() => {
  project.remove();
});

it("knows Git's way to ignore everything but some names: folders come back by `!*/`", () => {
  project.put("work/.gitignore", "*\n!*/\n!*.dvc");
  const rules = project.open().gitIgnored;
  const at = (name: string): string => join(project.root, "work", name);
  for (const [name, isIgnored] of [
    ["x", true],
    ["x.dvc", false],
    ["sub/x", true],
    ["sub/x.dvc", false],
  ] as const) {
    project.put(`work/${name}`, "");
    expect(rules?.ignoresFile(at(name)), name).toBe(isIgnored);
    expect(project.git("check-ignore", "--no-index", "-v", "-n", `work/${name}`), name).toMatch(
      isIgnored ? /:1:\*\t/ : /:3:!\*\.dvc\t/,
    );
  }
  expect(rules?.ignoresFolder(at("sub"))).toBe(false);
});
