/** Repositories whose default remote keeps files under their names, in versions, as sources; checked against DVC 3.67.1. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { filesUnder } from "../support/killing.ts";
import { Rig } from "../support/rig.ts";
import { type S3Server, startS3Server } from "../support/s3Server.ts";

let server: S3Server;
let there: Rig;
let rig: Rig;
let bucket = "";
let count = 0;

beforeAll(async () => {
  server = await startS3Server();
});

afterAll(async () => {
  await server.stop();
});

afterEach(() => {
  there.close();
  rig.close();
});

/** The ids of the versions, in the order of the file. */
const idsIn = (name: string): string[] =>
  [...(there.read(name) ?? "").matchAll(/version_id: (\S+)/g)].map(([, id]) => id ?? "");

function publish(message: string): void {
  there.git("add", "-A");
  there.git("commit", "-q", "-m", message);
}

function makeSource(kind: "version_aware" | "worktree"): void {
  bucket = `source-${String(++count)}`;
  server.makeVersionedBucket(bucket);
  there = new Rig().project();
  rig = new Rig().project();
  there.ok("remote", "add", "-q", "-d", "v", `s3://${bucket}/pre`);
  there.ok("remote", "modify", "v", "endpointurl", server.endpoint);
  there.ok("remote", "modify", "v", kind, "true");
  there.ok("remote", "modify", "v", "access_key_id", server.accessKeyId);
  there.ok("remote", "modify", "v", "secret_access_key", server.secretAccessKey);
  there.write("d/a", "1\n");
  there.write("d/s/b", "2\n");
  there.write("f", "f\n");
  there.ok("add", "-q", "d", "f");
  there.ok("push", "-q");
  publish("one");
  there.git("tag", "v1");
  there.write("d/a", "one one\n");
  there.write("f", "f two\n");
  there.ok("add", "-q", "d", "f");
  there.ok("push", "-q");
  publish("two");
  // Only the remote has it now.
  for (const name of ["d", "f", ".dvc/cache"]) rmSync(there.path(name), { recursive: true });
}

describe("a source whose remote keeps versions", () => {
  it.each(["version_aware", "worktree"] as const)(
    "(%s) gives files, folders and parts, of each commit its versions",
    (kind) => {
      makeSource(kind);
      const url = `file://${there.dir}`;
      rig.ok("get", "-q", url, "d");
      rig.ok("get", "-q", url, "d", "--rev", "v1", "-o", "old");
      rig.ok("get", "-q", there.dir, "d/s/b");
      rig.ok("get", "-q", url, "f", "--rev", "v1", "-o", "old-f");
      expect(["d/a", "d/s/b", "old/a", "b", "old-f"].map((name) => rig.read(name))).toEqual([
        "one one\n",
        "2\n",
        "1\n",
        "2\n",
        "f\n",
      ]);
      // Of a folder only what was asked for.
      expect(
        readdirSync(rig.dir)
          .filter((name) => !name.startsWith("."))
          .sort(),
      ).toEqual(["b", "d", "old", "old-f"]);
    },
  );

  it("is imported, updated, and pulled again from where it was locked", () => {
    makeSource("version_aware");
    rig.ok("import", "-q", "--rev", "v1", there.dir, "d");
    rig.ok("import", "-q", "--rev", "v1", there.dir, "f", "-o", "mine");
    expect([rig.read("d/a"), rig.read("mine")]).toEqual(["1\n", "f\n"]);
    expect(rig.read("d.dvc")).not.toContain("version_id");
    for (const name of ["d", "mine", ".dvc/cache"]) rmSync(rig.path(name), { recursive: true });
    rig.ok("pull", "-q");
    expect([rig.read("d/a"), rig.read("d/s/b"), rig.read("mine")]).toEqual(["1\n", "2\n", "f\n"]);
    rig.ok("update", "-q", "--rev", "main", "d.dvc", "mine.dvc");
    expect([rig.read("d/a"), rig.read("mine")]).toEqual(["one one\n", "f two\n"]);
    expect(rig.ok("status")).toContain("up to date");
  });

  it("is listed, and says where its data is", () => {
    makeSource("version_aware");
    const url = `file://${there.dir}`;
    expect(rig.ok("list", "-R", "--dvc-only", url).trim().split("\n")).toEqual(["d/a", "d/s/b", "f"]);
    const entries = JSON.parse(rig.ok("list", "--json", "--size", url, "d")) as { path: string; size?: number }[];
    expect(entries.find(({ path }) => path === "a")?.size).toBe(8);
    const base = `s3://${bucket}/pre`;
    expect(rig.ok("get", "--show-url", url, "f")).toBe(`${base}/f?versionId=${String(idsIn("f.dvc")[0])}\n`);
    expect(rig.ok("get", "--show-url", url, "d/s/b")).toBe(`${base}/d/s/b?versionId=${String(idsIn("d.dvc")[1])}\n`);
    expect(rig.ok("get", "--show-url", url, "d")).toBe(`${base}/d\n`);
  });

  it("gives nothing half: a version that is gone, or another file's, fails before anything is placed", () => {
    makeSource("version_aware");
    const text = there.read("d.dvc") ?? "";
    const [first = "", second = ""] = idsIn("d.dvc");
    there.write("d.dvc", text.replace(second, "01AAAAAAAAAAAAAAAAAAAAAAAA"));
    publish("gone");
    const ran = rig.run(["get", there.dir, "d"]);
    expect(ran.code).not.toBe(0);
    expect(ran.err).toContain("d");
    expect(existsSync(rig.path("d"))).toBe(false);
    expect(filesUnder(rig.dir).filter((name) => name.includes(".hftmp"))).toEqual([]);
    expect(rig.run(["import", there.dir, "d"]).code).not.toBe(0);
    expect([existsSync(rig.path("d")), existsSync(rig.path("d.dvc"))]).toEqual([false, false]);
    there.write("d.dvc", text);
    publish("back");
    rig.ok("import", "-q", there.dir, "d");
    expect(first).not.toBe("");
    expect(filesUnder(join(rig.dir, "d"))).toHaveLength(2);
  });
});

describe("metrics of a source", () => {
  it("are read out of the versions that each revision records", () => {
    bucket = `metrics-${String(++count)}`;
    server.makeVersionedBucket(bucket);
    there = new Rig().project();
    rig = new Rig();
    there.ok("remote", "add", "-q", "-d", "v", `s3://${bucket}`);
    there.ok("remote", "modify", "v", "endpointurl", server.endpoint);
    there.ok("remote", "modify", "v", "version_aware", "true");
    there.ok("remote", "modify", "--local", "v", "access_key_id", server.accessKeyId);
    there.ok("remote", "modify", "--local", "v", "secret_access_key", server.secretAccessKey);
    there.write("dvc.yaml", "stages:\n  s:\n    cmd: cp in.json m.json\n    deps: [in.json]\n    metrics: [m.json]\n");
    for (const value of [1, 2]) {
      there.write("in.json", JSON.stringify({ value }));
      there.ok("repro", "-q");
      there.ok("push", "-q");
      publish(String(value));
    }
    rmSync(there.path(".dvc/cache"), { recursive: true });
    rmSync(there.path("m.json"));
    const diff = JSON.parse(there.ok("metrics", "diff", "--json", "HEAD~1", "HEAD")) as Record<string, unknown>;
    expect(diff).toEqual({ "m.json": { value: { old: 1, new: 2, diff: 1 } } });
  });
});
