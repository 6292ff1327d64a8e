import { existsSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";
import { loadIndex } from "../repo/index.ts";
import { withRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { withCacheGuard } from "../repo/sharedCache.ts";
import { add } from "./add.ts";
import { evict } from "./evict.ts";
import { gc } from "./gc.ts";
import { purge } from "./purge.ts";
import { push } from "./push.ts";

let first: ProjectFixture;
let second: ProjectFixture;
let shared: string;
beforeEach(() => {
  [first, second] = [makeProject(), makeProject()];
  shared = join(first.home, "shared");
});
afterEach(() => {
  first.remove();
  second.remove();
});

const share = (project: ProjectFixture, cache: string): void => {
  project.put(
    ".dvc/config.local",
    `[core]\n    remote = store\n[cache]\n    dir = ${cache}\n['remote "store"']\n    url = ${first.home}/remote\n`,
  );
};
/** Opens a project that does not wait for locks. */
const open = (project: ProjectFixture): Repo => {
  const { env } = project.environment();
  return project.open({}, { env: { ...env, HOLDFAST_LOCK_TIMEOUT: "0" } });
};
const stored = (cache: string): number =>
  readdirSync(join(cache, "files", "md5")).flatMap((shard) => readdirSync(join(cache, "files", "md5", shard))).length;
const busy = "Unable to acquire lock";

describe("a shared cache that is not there yet", () => {
  beforeEach(() => {
    share(first, shared);
    share(second, shared);
  });

  it("gc waits for a project whose first command is at work", async () => {
    await withRepoLock(open(first), {}, async () => {
      await expect(gc(open(second), { workspace: true })).rejects.toThrow(busy);
    });
    await expect(gc(open(second), { workspace: true })).resolves.toMatchObject({ cache: { objects: 0 } });
  });

  it("a project's first command waits for a gc, and for nothing that removes nothing", async () => {
    first.put("data", "one");
    await withCacheGuard(open(second), {}, async () => {
      await expect(add(open(first), ["data"])).rejects.toThrow(busy);
    });
    await withRepoLock(open(second), {}, () => add(open(first), ["data"]));
    expect(stored(shared)).toBe(1);
  });

  it("a project that was deleted and made anew at the same place is waited for, too", async () => {
    await withRepoLock(open(first), {}, () => undefined);
    rmSync(join(first.root, ".dvc", "tmp"), { recursive: true });
    await withRepoLock(open(first), {}, async () => {
      await expect(gc(open(second), { workspace: true })).rejects.toThrow(busy);
    });
  });

  it("evict and purge wait for those who share it, and leave their locks free while the remote is read", async () => {
    for (const project of [first, second]) {
      project.put("data", "the same");
      await add(open(project), ["data"]);
    }
    first.put("more", "other");
    await add(open(first), ["more"]);
    await push(open(first), []);
    await withRepoLock(open(second), {}, async () => {
      await expect(evict(open(first), ["more.dvc"])).rejects.toThrow(busy);
      await expect(purge(open(first), "more", { confirm: () => Promise.resolve(true) })).rejects.toThrow(busy);
      await expect(evict(open(first), ["more.dvc"], { dry: true })).resolves.toMatchObject([{ objects: 1 }]);
    });
    expect(stored(shared)).toBe(2);
    await expect(evict(open(first), ["more.dvc", "data.dvc"])).resolves.toMatchObject([{ objects: 1 }, { objects: 0 }]);
    expect(stored(shared)).toBe(1);
  });
});

describe("what another project of a shared cache let go itself", () => {
  const versions = async (project: ProjectFixture): Promise<void> => {
    for (const text of ["old", "new"]) {
      project.put("folder/file", text);
      await add(open(project), ["folder"]);
      project.git("add", "-A");
      project.git("commit", "-q", "-m", text);
    }
  };
  beforeEach(async () => {
    share(first, shared);
    share(second, shared);
    await versions(first);
  });

  it("stops no gc, and what it still needs is spared", async () => {
    await expect(gc(open(first), { workspace: true })).resolves.toMatchObject({ cache: { objects: 2 } });
    second.put("theirs", "two");
    await add(open(second), ["theirs"]);
    await expect(gc(open(second), { workspace: true })).resolves.toMatchObject({ cache: { objects: 0 } });
    // To the project itself it is lost, as in DVC.
    await expect(gc(open(first), { allCommits: true })).rejects.toThrow("Failed to collect");
  });

  it("what it lost otherwise stops it; with --skip-failed only that commit is left out", async () => {
    const old = first.git("rev-parse", "--short=7", "HEAD~1");
    const index = loadIndex(open(first), { rev: first.git("rev-parse", "HEAD~1") });
    open(first).cache.remove(index.outs[0]?.out.hash?.value ?? "");
    await expect(gc(open(second), { workspace: true })).rejects.toThrow(`Failed to collect commit ${old} of project`);
    await expect(gc(open(second), { workspace: true, skipFailed: true })).resolves.toMatchObject({
      cache: { objects: 1 },
    });
    expect(stored(shared)).toBe(2);
  });

  it("a worktree with a cache of its own is read there", async () => {
    const tree = join(first.root, "..", "tree");
    first.git("worktree", "add", "-q", "--detach", tree, "HEAD~1");
    first.put("../tree/.dvc/config.local", "");
    first.put("../tree/folder/file", "theirs");
    const { env } = first.environment();
    await add(first.open({}, { cwd: tree, env }), ["folder"]);
    first.git("-C", tree, "commit", "-q", "-a", "-m", "theirs");
    await expect(gc(open(first), { workspace: true })).resolves.toMatchObject({ cache: { objects: 2 } });
  });
});

it("nothing is noted in a folder that only a committed config names", async () => {
  first.put("../home/projects/mine", "");
  first.put(".dvc/config", `[cache]\n    dir = ${first.home}\n`);
  first.git("add", "-A");
  first.git("commit", "-q", "-m", "hostile");
  await withRepoLock(open(first), {}, () => undefined);
  await expect(gc(open(first), { workspace: true })).rejects.toThrow("the committed config");
  expect(readdirSync(join(first.home, "projects"))).toEqual(["mine"]);
});

describe("a cache that lies in another project", () => {
  it("gc of either spares what the other needs", async () => {
    const cache = join(first.root, ".dvc", "cache");
    share(second, cache);
    first.put("mine", "one");
    await add(open(first), ["mine"]);
    second.put("theirs", "two");
    await add(open(second), ["theirs"]);
    for (const project of [first, second])
      await expect(gc(open(project), { workspace: true })).resolves.toMatchObject({ cache: { objects: 0 } });
    await withRepoLock(open(second), {}, async () => {
      await expect(gc(open(first), { workspace: true })).rejects.toThrow(busy);
    });
    expect(stored(cache)).toBe(2);
  });

  it("gc of either spares what the other needs when .dvc/cache is a link to a common folder", async () => {
    first.put("../home/shared/note", "");
    for (const project of [first, second]) {
      symlinkSync(shared, join(project.root, ".dvc", "cache"));
      project.put("data", project.root);
      await add(open(project), ["data"]);
    }
    for (const project of [first, second])
      await expect(gc(open(project), { workspace: true })).resolves.toMatchObject({ cache: { objects: 0 } });
    expect(stored(shared)).toBe(2);
  });

  it("gc spares what a worktree needs that uses the cache of the main one, and no old versions", async () => {
    for (const text of ["old", "new"]) {
      first.put("data", text);
      await add(open(first), ["data"]);
      first.git("add", "-A");
      first.git("commit", "-q", "-m", text);
    }
    const tree = join(first.root, "..", "tree");
    first.git("worktree", "add", "-q", tree);
    const cache = join(first.root, ".dvc", "cache");
    first.put("../tree/.dvc/config.local", `[cache]\n    dir = ${cache}\n`);
    first.put("../tree/mine", "theirs");
    const { env } = first.environment();
    const there = (): Repo => first.open({}, { cwd: tree, env });
    await add(there(), ["mine"]);
    await expect(gc(there(), { workspace: true, dry: true })).resolves.toMatchObject({ cache: { objects: 1 } });
    await expect(gc(open(first), { workspace: true })).resolves.toMatchObject({ cache: { objects: 1 } });
    expect(stored(cache)).toBe(2);
  });

  it("a cache of one project alone keeps no list", async () => {
    first.put("data", "one");
    await add(open(first), ["data"]);
    await gc(open(first), { workspace: true });
    expect(existsSync(join(first.root, ".dvc", "cache", "projects"))).toBe(false);
  });
});
