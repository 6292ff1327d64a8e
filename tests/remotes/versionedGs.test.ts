/** Remotes with `version_aware` and `worktree` on Google Cloud Storage, whose versions are generations. */
import { rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { openStorage } from "../../packages/core/src/fs/open.ts";
import { type GsServer, startGsServer } from "../support/gsServer.ts";
import { Rig } from "../support/rig.ts";

let server: GsServer;
let rig: Rig;
let bucket = "";
let count = 0;

beforeAll(async () => {
  server = await startGsServer({ versions: true });
});

afterAll(async () => {
  await server.stop();
});

beforeEach(async () => {
  bucket = `versioned-${String(++count)}`;
  await server.makeBucket(bucket);
  rig = new Rig().project();
});

afterEach(() => {
  rig.close();
});

function remote(kind: "version_aware" | "worktree"): void {
  rig.ok("remote", "add", "-q", "-d", "v", `gs://${bucket}/pre`);
  rig.ok("remote", "modify", "v", "endpointurl", server.endpoint);
  rig.ok("remote", "modify", "v", "allow_anonymous_login", "true");
  rig.ok("remote", "modify", "v", kind, "true");
  rig.write("d/a", "1\n");
  rig.write("d/s/b", "2\n");
  rig.write("f", "f\n");
  rig.ok("add", "-q", "d", "f");
}

const idsIn = (name: string): string[] =>
  [...(rig.read(name) ?? "").matchAll(/version_id: '(\d+)'/g)].map(([, id]) => id ?? "");

function forget(): void {
  for (const name of ["d", "f", ".dvc/cache"]) rmSync(rig.path(name), { recursive: true, force: true });
}

it("records generations as DVC does, and gives back every one", () => {
  remote("version_aware");
  expect(rig.ok("push")).toBe("3 files pushed\n");
  const [first] = idsIn("f.dvc");
  expect(rig.read("f.dvc")).toMatch(
    /^outs:\n- md5: 9a8ad92c50cae39aa2c5604fd0ab6d8c\n {2}size: 2\n {2}hash: md5\n {2}path: f\n {2}cloud:\n {4}v:\n {6}etag: \S+\n {6}version_id: '\d+'\n$/,
  );
  expect(idsIn("d.dvc")).toHaveLength(2);
  expect(rig.ok("push")).toBe("Everything is up to date.\n");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "one");
  rig.write("f", "two\n");
  rig.ok("add", "-q", "f");
  expect(rig.ok("push")).toBe("1 file pushed\n");
  expect(idsIn("f.dvc")).not.toEqual([first]);
  rig.git("commit", "-q", "-a", "-m", "two");
  forget();
  rig.ok("pull", "-q");
  expect([rig.read("f"), rig.read("d/a"), rig.read("d/s/b")]).toEqual(["two\n", "1\n", "2\n"]);
  forget();
  rig.git("checkout", "-q", "HEAD~1");
  rig.ok("pull", "-q");
  expect(rig.read("f")).toBe("f\n");
  expect(rig.ok("get", "--show-url", rig.dir, "f")).toBe(`gs://${bucket}/pre/f#${String(first)}\n`);
});

it("a worktree takes what others left", async () => {
  remote("worktree");
  rig.ok("push", "-q");
  const url = `gs://${bucket}/pre`;
  const values = { endpointurl: server.endpoint, allow_anonymous_login: "true", url };
  const { fs, root } = await openStorage(url, { values, env: {}, home: "/nonexistent" });
  await fs.write(`${root}/d/new`, { bytes: Buffer.from("new") });
  await fs.write(`${root}/f`, { bytes: Buffer.from("theirs") });
  await fs.close();
  rig.ok("update", "-q", "d.dvc", "f.dvc");
  expect([rig.read("d/new"), rig.read("f"), rig.read("d/a")]).toEqual(["new", "theirs", "1\n"]);
  expect(rig.ok("push")).toBe("Everything is up to date.\n");
  forget();
  rig.ok("pull", "-q");
  expect([rig.read("d/new"), rig.read("f")]).toEqual(["new", "theirs"]);
});

it("refuses a bucket that keeps none: it would name generations that are gone tomorrow", async () => {
  bucket = `${bucket}-plain`;
  await server.makeBucket(bucket, { versions: false });
  remote("version_aware");
  const ran = rig.run(["push"]);
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("remote 'v' keeps no versions");
  expect(rig.read("f.dvc")).not.toContain("version_id");
});
