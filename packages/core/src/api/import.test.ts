import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";
import { add } from "./add.ts";
import { get, getUrl } from "./get.ts";
import { importData } from "./import.ts";
import { importUrl } from "./importUrl.ts";
import { list } from "./list.ts";
import { pull } from "./pull.ts";
import { update } from "./update.ts";

let here: ProjectFixture;
let there: ProjectFixture;

const read = (name: string): string => readFileSync(join(here.root, name), "utf8");
const open = (): ReturnType<ProjectFixture["open"]> => here.open();

/** Tracks and commits; returns the commit. */
async function publish(tracked: readonly string[], message: string): Promise<string> {
  if (tracked.length > 0) {
    const repo = there.open();
    await add(repo, tracked);
    repo.close();
  }
  there.git("add", "-A");
  there.git("commit", "-q", "-m", message);
  return there.git("rev-parse", "HEAD");
}

beforeEach(async () => {
  here = makeProject();
  there = makeProject();
  there.put(".dvc/.gitignore", "/cache\n/tmp\n/config.local\n");
  there.put("data/a", "a1\n");
  there.put("data/sub/b", "b1\n");
  there.put("code.txt", "code\n");
  await publish(["data"], "one");
  there.git("tag", "v1");
});

afterEach(() => {
  here.remove();
  there.remove();
});

describe("import from a repository", () => {
  it("brings a tracked folder and records where it came from", async () => {
    const commit = there.git("rev-parse", "HEAD");
    await importData(open(), there.root, "data", { rev: "v1" });
    expect(read("data/sub/b")).toBe("b1\n");
    expect(read("data.dvc")).toContain(
      `frozen: true\ndeps:\n- path: data\n  repo:\n    url: ${there.root}\n    rev: v1\n    rev_lock: ${commit}\nouts:\n- md5: `,
    );
    expect(read("data.dvc")).toMatch(/^md5: [0-9a-f]{32}\n/);
    expect(read(".gitignore")).toBe("/data\n");
  });

  it("brings part of a folder, and what only Git has", async () => {
    await importData(open(), there.root, "data/sub/b", { out: "b" });
    await importData(open(), `file://${there.root}`, "code.txt");
    expect([read("b"), read("code.txt")]).toEqual(["b1\n", "code\n"]);
  });

  it("reads the commit, not the workspace, when a revision is named", async () => {
    there.put("data/a", "changed\n");
    await importData(open(), there.root, "data/a", { rev: "v1", out: "old" });
    await importData(open(), there.root, "data/a", { out: "now" });
    expect([read("old"), read("now")]).toEqual(["a1\n", "changed\n"]);
  });

  it("pulls again from the locked commit, also what was never downloaded", async () => {
    await importData(open(), there.root, "data", { rev: "v1" });
    await importData(open(), there.root, "data/a", { rev: "v1", out: "later", noDownload: true });
    const text = read("later.dvc");
    expect(existsSync(join(here.root, "later"))).toBe(false);
    rmSync(join(here.root, "data"), { recursive: true });
    rmSync(join(here.root, ".dvc/cache"), { recursive: true });
    there.put("data/a", "a2\n");
    await publish(["data"], "two");
    await pull(open());
    expect([read("data/a"), read("later"), read("later.dvc")]).toEqual(["a1\n", "a1\n", text]);
  });

  it("updates to the newest commit, and only then", async () => {
    await importData(open(), there.root, "data");
    expect(await update(open(), ["data.dvc"])).toEqual({ updated: [], unchanged: ["data.dvc"] });
    there.put("data/a", "a2\n");
    const commit = await publish(["data"], "two");
    expect(await update(open(), ["data.dvc"])).toEqual({ updated: ["data.dvc"], unchanged: [] });
    expect(read("data/a")).toBe("a2\n");
    expect(read("data.dvc")).toContain(`rev_lock: ${commit}\n`);
    await update(open(), ["data.dvc"], { rev: "v1" });
    expect(read("data/a")).toBe("a1\n");
    expect(read("data.dvc")).toContain("rev: v1\n");
  });

  it("writes nothing when the path is not there or something is in the way", async () => {
    await expect(importData(open(), there.root, "nope")).rejects.toMatchObject({ code: "not-found" });
    here.put("data/mine", "mine");
    await expect(importData(open(), there.root, "data")).rejects.toMatchObject({
      code: "exists",
      message: "The directory 'data' already exists locally. \nTo override it, re-run with '--force'.",
    });
    expect(readdirSync(here.root).filter((name) => !name.startsWith(".git"))).toEqual([".dvc", "data"]);
  });
});

describe("untrusted sources", () => {
  it("does not follow a link out of the repository", async () => {
    symlinkSync("/etc/hostname", join(there.root, "link"));
    await publish([], "link");
    for (const rev of [undefined, "HEAD"]) {
      const options = { ...(rev === undefined ? {} : { rev }) };
      await expect(get(here.environment(), there.root, "link", options)).rejects.toMatchObject({ code: "unsafe-path" });
      await expect(importData(open(), there.root, "link", options)).rejects.toMatchObject({ code: "unsafe-path" });
    }
    expect(existsSync(join(here.root, "link"))).toBe(false);
  });

  it("does not take an object whose bytes are not those of its name", async () => {
    const oid = "7c8a4c4ae5dd18b32d0c1f63e3a5f8a1";
    there.put("one.dvc", `outs:\n- md5: ${oid}\n  size: 5\n  hash: md5\n  path: one\n`);
    const object = there.put(`.dvc/cache/files/md5/${oid.slice(0, 2)}/${oid.slice(2)}`, "wrong");
    chmodSync(object, 0o444);
    await publish([], "bad");
    await expect(get(here.environment(), there.root, "one")).rejects.toMatchObject({ code: "corrupt-object" });
    await expect(importData(open(), there.root, "one")).rejects.toMatchObject({ code: "corrupt-object" });
    expect(readdirSync(here.root).filter((name) => name.includes("one"))).toEqual([]);
  });

  it("sends a secret of the user's own config nowhere that an import's file names", async () => {
    mkdirSync(join(here.home, ".config/dvc"), { recursive: true });
    const secret = "['remote \"mine\"']\n    url = s3://mine\n    secret_access_key = s3cr3t\n";
    writeFileSync(join(here.home, ".config/dvc/config"), secret);
    rmSync(join(there.root, "data"), { recursive: true });
    rmSync(join(there.root, ".dvc/cache"), { recursive: true });
    const entry = `url: ${there.root}\n    config:\n      core:\n        remote: mine\n      remote:\n        mine:\n          endpointurl: http://127.0.0.1:9`;
    here.put("data.dvc", `deps:\n- path: data\n  repo:\n    ${entry}\nouts:\n- hash: md5\n  path: data\n`);
    await expect(update(open(), ["data.dvc"])).rejects.toThrow(
      "a secret of your own is only sent where your own config says",
    );
  });

  it("says that a manifest is nowhere", async () => {
    rmSync(join(there.root, "data"), { recursive: true });
    rmSync(join(there.root, ".dvc/cache"), { recursive: true });
    await expect(get(here.environment(), there.root, "data")).rejects.toThrow("failed to load directory ('data',)");
    expect(readdirSync(here.root).sort()).toEqual([".dvc", ".git"]);
  });

  it("says why a manifest can't be fetched", async () => {
    rmSync(join(there.root, "data"), { recursive: true });
    rmSync(join(there.root, ".dvc/cache"), { recursive: true });
    const oid = /[0-9a-f]{32}\.dir/.exec(readFileSync(join(there.root, "data.dvc"), "utf8"))?.[0] ?? "";
    there.put(`store/files/md5/${oid.slice(0, 2)}/${oid.slice(2)}`, "[]");
    there.put(".dvc/config", "[core]\n    remote = r\n['remote \"r\"']\n    url = ../store\n");
    await expect(get(here.environment(), there.root, "data")).rejects.toThrow("is damaged");
  });
});

describe("get", () => {
  it("copies plain writable files and leaves stage files behind", async () => {
    const { nfiles } = await get(here.environment(), there.root, ".", { out: "all", rev: "v1" });
    expect(nfiles).toBe(4);
    expect(readdirSync(join(here.root, "all")).sort()).toEqual([".gitignore", "code.txt", "data"]);
    expect(existsSync(join(there.root, ".dvc/tmp/import"))).toBe(false);
  });

  it("finds sub-projects by their path only", async () => {
    mkdirSync(join(there.root, "inner/.dvc"), { recursive: true });
    there.put("inner/.dvc/config", "");
    there.put("inner/file", "inner\n");
    await publish([], "inner");
    const names = (await list(here.environment(), there.root, undefined)).map(({ path }) => path);
    expect(names).not.toContain("inner");
    await get(here.environment(), there.root, "inner/file");
    expect(read("file")).toBe("inner\n");
  });

  it("tells where the data is on the remote; the config file given counts from here", async () => {
    writeFileSync(join(here.root, "extra"), "[core]\n    remote = r\n['remote \"r\"']\n    url = /store\n");
    const found = await getUrl(here.environment(), there.root, "data/a", { config: "extra" });
    expect(found.url).toMatch(/^\/store\/files\/md5\/[0-9a-f]{2}\/[0-9a-f]{30}$/);
    await expect(getUrl(here.environment(), there.root, "code.txt")).rejects.toThrow("Unable to find DVC file");
  });
});

describe("import from a path", () => {
  it("records the source's checksum and follows it", async () => {
    const source = join(here.home, "scan");
    writeFileSync(source, "s1\n", { mode: 0o755 });
    await importUrl(open(), source, { out: "scan" });
    expect(read("scan.dvc")).toContain(`  isexec: true\n  hash: md5\n  path: ${source}\nouts:\n`);
    expect(await update(open(), ["scan.dvc"])).toEqual({ updated: [], unchanged: ["scan.dvc"] });
    writeFileSync(source, "s22\n");
    await update(open(), ["scan.dvc"]);
    expect(read("scan")).toBe("s22\n");
  });

  it("pulls what was not downloaded, without the source's execute bit", async () => {
    const source = join(here.home, "scan");
    writeFileSync(source, "s1\n", { mode: 0o755 });
    await importUrl(open(), source, { out: "scan", noDownload: true });
    await pull(open());
    expect(read("scan")).toBe("s1\n");
  });

  it("refuses options that exclude each other", async () => {
    await expect(importUrl(open(), "x", { toRemote: true, noExec: true })).rejects.toThrow("cannot be combined");
    await expect(importUrl(open(), "x", { remote: "r" })).rejects.toThrow("--remote can't be used without --to-remote");
  });
});
