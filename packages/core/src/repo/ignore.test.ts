import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DvcIgnore } from "./ignore.ts";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";

let project: ProjectFixture;
beforeEach(() => {
  project = makeProject();
  project.put(".dvcignore", "*.log\nfoo.*\n!keep.log\nign/\n# c\n/top\ndata*\n");
  project.put("sub/.dvcignore", "!b.log\n*.tmp\ndeep\n");
  project.put("ign/.dvcignore", "!*\n");
  project.put("ign/x/f", "");
  project.put("sub/deep/f", "");
  project.put("nested/.dvc/config", "");
  project.put("nested/f", "");
});
afterEach(() => {
  project.remove();
});

describe("DvcIgnore", () => {
  it("says where no rule is in force", () => {
    project.put("plain/sub/.dvcignore", "# nothing but words\n");
    project.put("plain/ruled/.dvcignore", "*.tmp\n");
    expect(new DvcIgnore(project.root).isFree(join(project.root, "plain"))).toBe(false);
    project.put(".dvcignore", "# nothing but words\n");
    const ignore = new DvcIgnore(project.root);
    expect(ignore.isFree(join(project.root, "plain", "sub"))).toBe(true);
    expect(ignore.isFree(join(project.root, "plain", "ruled"))).toBe(false);
    expect(ignore.isFree(join(project.root, "nested"))).toBe(false);
  });

  // Second and third column: what DVC 3.67.1 `check-ignore -d -n` says of the same tree.
  it.each([
    ["a.log", true, ".dvcignore:1:*.log"],
    ["keep.log", false, ".dvcignore:3:!keep.log"],
    ["foo.log", true, ".dvcignore:1:*.log"],
    ["foo.txt", true, ".dvcignore:2:foo.*"],
    ["top", true, ".dvcignore:6:/top"],
    ["sub/top", false, undefined],
    ["sub/b.log", false, "sub/.dvcignore:1:!b.log"],
    ["sub/c.log", true, ".dvcignore:1:*.log"],
    ["sub/x.tmp", true, "sub/.dvcignore:2:*.tmp"],
    ["sub/deep/f", true, "sub/.dvcignore:3:deep"],
    ["ign/x/f", true, ".dvcignore:4:ign/"],
    ["ign", true, ".dvcignore:4:ign/"],
    ["nested/f", true, "in sub_repo:nested"],
    ["ok", false, undefined],
    [".git/config", true, ":.git"],
    [".dvc/config", true, ":.dvc/"],
  ])("judges %s", (name, isIgnored, rule) => {
    const ignore = new DvcIgnore(project.root);
    const path = join(project.root, name);
    expect(ignore.check(path)).toEqual({ isIgnored, rule });
    expect(ignore.path(path)).toBe(isIgnored);
  });

  it("does not judge what is outside, nor the root itself", () => {
    const ignore = new DvcIgnore(project.root);
    expect(ignore.dir(project.root)).toBe(false);
    expect(ignore.file("/elsewhere/a.log")).toBe(false);
    expect(ignore.file(`${project.root}-beside/x/a.log`)).toBe(false);
    expect(ignore.check("/elsewhere/a.log")).toEqual({ isIgnored: false, rule: undefined });
  });
});
