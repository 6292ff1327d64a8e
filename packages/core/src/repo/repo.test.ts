import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";
import { openRepo } from "./repo.ts";

let project: ProjectFixture;
beforeEach(() => {
  project = makeProject();
});
afterEach(() => {
  project.remove();
});

describe("openRepo", () => {
  it("finds the nearest project upwards", () => {
    mkdirSync(join(project.root, "a", "b"), { recursive: true });
    const repo = project.open({ cd: "a/b" });
    expect(repo.root).toBe(project.root);
    expect(repo.env.cwd).toBe(join(project.root, "a", "b"));
    expect(repo.cache.root).toBe(join(project.root, ".dvc", "cache"));
    expect(repo.siteDir).toBe(join(project.root, ".dvc", "tmp", "holdfast"));
  });

  it("rejects in DVC's words outside of a project", async () => {
    await expect(openRepo(project.environment({ cwd: project.home }))).rejects.toMatchObject({
      code: "not-a-repo",
      message: expect.stringMatching(
        /^you are not inside of a DVC repository \(checked up to mount point '.*'\)$/,
      ) as string,
    });
    const repo = await openRepo(project.environment({ cwd: project.home }), { uninitialized: true });
    expect(repo).toMatchObject({ root: project.home, isInitialized: false, git: undefined });
  });

  it("wants Git unless told otherwise", async () => {
    mkdirSync(join(project.home, ".dvc"));
    await expect(openRepo(project.environment({ cwd: project.home }))).rejects.toThrow(
      `${project.home} is not a git repository`,
    );
    project.put(".dvc/config", "[core]\n    no_scm = True\n");
    const repo = project.open();
    expect(repo).toMatchObject({ noScm: true, git: undefined, gitIgnored: undefined });
  });

  it("takes the cache and the site folder from config and environment", () => {
    project.put(
      ".dvc/config",
      "[cache]\n    dir = ../elsewhere\n    type = hardlink,symlink\n    shared = group\n[core]\n    site_cache_dir = /site\n",
    );
    const repo = project.open();
    expect(repo.cache.root).toBe(join(project.root, "elsewhere"));
    expect(repo.cache.linkTypes).toEqual(["hardlink", "symlink"]);
    expect(repo.cache.dirMode).toBe(0o2775);
    expect(repo.siteDir).toMatch(/^\/site\/holdfast\/[0-9a-f]{32}$/);
    expect(project.open({ cacheDir: "/other" }).cache.root).toBe("/other");
  });
});
