/** Remotes with `version_aware` and `worktree`; what files hold after each step was checked against DVC 3.67.1. */
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openStorage } from "../../packages/core/src/fs/open.ts";
import { filesUnder } from "../support/killing.ts";
import { Rig } from "../support/rig.ts";
import { type S3Server, startS3Server } from "../support/s3Server.ts";

let server: S3Server;
let rig: Rig;
let bucket = "";
let count = 0;

beforeAll(async () => {
  server = await startS3Server();
});

afterAll(async () => {
  await server.stop();
});

beforeEach(() => {
  bucket = `versioned-${String(++count)}`;
  server.makeVersionedBucket(bucket);
  rig = new Rig().project();
});

afterEach(() => {
  rig.close();
});

function remote(kind: "version_aware" | "worktree", name = "v"): void {
  rig.ok("remote", "add", "-q", "-d", name, `s3://${bucket}/pre`);
  rig.ok("remote", "modify", name, "endpointurl", server.endpoint);
  rig.ok("remote", "modify", name, kind, "true");
  rig.ok("remote", "modify", "--local", name, "access_key_id", server.accessKeyId);
  rig.ok("remote", "modify", "--local", name, "secret_access_key", server.secretAccessKey);
}

const there = (): string[] =>
  filesUnder(join(server.folder, bucket, "pre"))
    .map((path) => path.slice(join(server.folder, bucket, "pre").length + 1))
    .sort();

/** Version ids differ each time. */
const plain = (name: string): string => (rig.read(name) ?? "").replace(/version_id: \S+/g, "version_id: ID");
const idsIn = (name: string): string[] =>
  [...(rig.read(name) ?? "").matchAll(/version_id: (\S+)/g)].map(([, id]) => id ?? "");

function forget(...names: string[]): void {
  for (const name of [...names, ".dvc/cache"]) rmSync(rig.path(name), { recursive: true, force: true });
}

async function put(name: string, text: string): Promise<void> {
  const values = { access_key_id: server.accessKeyId, secret_access_key: server.secretAccessKey };
  const { fs, root } = await openStorage(`s3://${bucket}/pre`, {
    values: { ...values, endpointurl: server.endpoint, url: `s3://${bucket}/pre` },
    env: {},
    home: "/nonexistent",
  });
  await fs.write(`${root}/${name}`, { bytes: Buffer.from(text) });
  await fs.close();
}

const A = "b026324c6904b2a9cb4b88d6d61c81d1";
const B = "26ab0db90d72e28ad0ba1e22ee510510";
const cloud = (etag: string, indent = "    "): string =>
  `${indent}cloud:\n${indent}  v:\n${indent}    etag: ${etag}\n${indent}    version_id: ID\n`;

describe("a version_aware remote", () => {
  beforeEach(() => {
    remote("version_aware");
    rig.write("d/a", "1\n");
    rig.write("d/s/b", "2\n");
    rig.write("f", "f\n");
    rig.ok("add", "-q", "d", "f");
    rig.write("dvc.yaml", "stages:\n  g:\n    cmd: echo out > o.txt\n    outs: [o.txt]\n");
    rig.ok("repro", "-q");
  });

  it("holds plain files; .dvc files and dvc.lock record their versions, byte by byte as DVC", () => {
    expect(rig.ok("push")).toBe("Updating lock file 'dvc.lock'\n4 files pushed\n");
    expect(there()).toEqual(["d/a", "d/s/b", "f", "o.txt"]);
    expect(plain("d.dvc")).toBe(
      `outs:\n- hash: md5\n  path: d\n  files:\n  - relpath: a\n    md5: ${A}\n    size: 2\n${cloud(A)}` +
        `  - relpath: s/b\n    md5: ${B}\n    size: 2\n${cloud(B)}`,
    );
    const f = "9a8ad92c50cae39aa2c5604fd0ab6d8c";
    expect(plain("f.dvc")).toBe(`outs:\n- md5: ${f}\n  size: 2\n  hash: md5\n  path: f\n${cloud(f, "  ")}`);
    expect(plain("dvc.lock")).toContain(`      size: 4\n${cloud("fb7792b6596fd12502dd132c0aba0568", "      ")}`);
    const before = [rig.read("d.dvc"), rig.read("dvc.lock")];
    expect(rig.ok("push")).toBe("Everything is up to date.\n");
    expect([rig.read("d.dvc"), rig.read("dvc.lock")]).toEqual(before);
    expect(rig.ok("status")).toContain("up to date");
  });

  it("gives back every version, whole and in part, and keeps the records of what did not change", () => {
    rig.ok("push", "-q");
    rig.git("add", ".");
    rig.git("commit", "-q", "-m", "one");
    const first = idsIn("d.dvc");
    rig.write("d/a", "111\n");
    rig.ok("add", "-q", "d");
    expect(plain("d.dvc")).toContain(
      `  - relpath: a\n    md5: 1181c1834012245d785120e3505ed169\n    size: 4\n  - relpath`,
    );
    expect(rig.ok("push")).toContain("1 file pushed");
    const second = idsIn("d.dvc");
    expect([second.length, second[1] === first[1], second[0] === first[0]]).toEqual([2, true, false]);
    rig.git("commit", "-q", "-a", "-m", "two");
    forget("d", "f", "o.txt");
    rig.git("checkout", "-q", "HEAD~1");
    expect(rig.ok("pull")).toContain("4 files fetched and 4 files added");
    expect([rig.read("d/a"), rig.read("d/s/b"), rig.read("o.txt")]).toEqual(["1\n", "2\n", "out\n"]);
    expect(rig.ok("status")).toContain("up to date");
    forget("d", "f", "o.txt");
    rig.git("checkout", "-q", "main");
    expect(rig.ok("pull", "d/a")).toContain("1 file fetched");
    expect(readdirSync(rig.path("d"))).toEqual(["a"]);
    rig.ok("fetch", "-q");
    rig.ok("checkout", "-q");
    expect(rig.read("d/a")).toBe("111\n");
  });

  it("says what it cannot do, before anything is removed", () => {
    rig.ok("push", "-q");
    expect(rig.run(["status", "-c"])).toMatchObject({
      code: 1,
      err: "ERROR: config file error: 'status' is unsupported for cloud versioned remotes\n",
    });
    rig.write("f", "other\n");
    rig.ok("add", "-q", "f");
    const objects = filesUnder(rig.path(".dvc/cache")).length;
    const gc = rig.run(["gc", "-c", "-w", "-f"]);
    expect(gc.code).toBe(251);
    expect(gc.err).toContain("config file error: 'gc -c' is unsupported for cloud versioned remotes");
    expect(filesUnder(rig.path(".dvc/cache"))).toHaveLength(objects);
    const all = rig.run(["push", "-a"]);
    expect(all.code).toBe(1);
    expect(all.err).toContain("Multiple rev push is unsupported for cloud versioned remotes");
    expect(rig.run(["add", "--to-remote", "/etc/hostname", "-o", "hn"]).code).toBe(1);
    expect(rig.ok("push", "--run-cache")).toContain("1 file pushed");
    const status = JSON.parse(rig.ok("data", "status", "--not-in-remote", "--json")) as object;
    expect(status).not.toHaveProperty("not_in_remote");
  });

  it("does not send again what a push has sent that was killed before it could record it", () => {
    rig.ok("push", "-q");
    const ids = idsIn("d.dvc");
    // As before the first push.
    rmSync(rig.path("d.dvc"));
    rig.ok("add", "-q", "d");
    expect(idsIn("d.dvc")).toEqual([]);
    expect(rig.ok("push")).toBe("Everything is up to date.\n");
    expect(idsIn("d.dvc")).toEqual(ids);
  });

  it("never takes other bytes for a version", () => {
    rig.ok("push", "-q");
    const ids = idsIn("d.dvc");
    const text = rig.read("d.dvc") ?? "";
    // The version of one file recorded for the other: what comes does not have its hash.
    rig.write("d.dvc", text.replace(ids[0] ?? "", "01AAAAAAAAAAAAAAAAAAAAAAAA"));
    forget("d");
    const ran = rig.run(["pull", "d.dvc"]);
    expect(ran.code).toBe(1);
    expect(rig.read("d/a")).toBeUndefined();
    rig.write("d.dvc", text);
    rig.ok("pull", "-q", "d.dvc");
    expect(rig.read("d/a")).toBe("1\n");
  });

  it("wants a bucket that keeps versions", () => {
    server.makeBucket(`plain-${bucket}`);
    rig.ok("remote", "modify", "v", "url", `s3://plain-${bucket}/pre`);
    const ran = rig.run(["push", "f"]);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("keeps no versions");
    expect(rig.read("f.dvc")).not.toContain("version_id");
  });
});

describe("a worktree remote", () => {
  beforeEach(() => {
    remote("worktree");
    rig.write("d/a", "1\n");
    rig.write("d/s/b", "2\n");
    rig.write("f", "f\n");
    rig.ok("add", "-q", "d", "f");
    rig.ok("push", "-q");
  });

  it("is a plain tree that others may change: update takes their files, and loses none of mine", async () => {
    rig.write("d/mine", "never pushed");
    rig.ok("add", "-q", "d");
    await put("d/new", "new on remote");
    await put("f", "f changed");
    rig.ok("update", "d.dvc", "f.dvc");
    expect([rig.read("d/new"), rig.read("d/mine"), rig.read("f")]).toEqual([
      "new on remote",
      "never pushed",
      "f changed",
    ]);
    expect(plain("d.dvc")).toContain(
      "  - relpath: new\n    md5: b7e3a076dbe01ffd2b47f0e0a551f364\n    size: 13\n    version_id: ID\n    etag: b7e3a076dbe01ffd2b47f0e0a551f364\n",
    );
    const f = "136a6c184b7ea5c13d7da13a9b4dfdd2";
    expect(plain("f.dvc")).toBe(`outs:\n- md5: ${f}\n  size: 9\n  hash: md5\n  path: f\n${cloud(f, "  ")}`);
    expect(rig.ok("status")).toContain("up to date");
    expect(rig.ok("push")).toContain("1 file pushed");
    expect(there()).toEqual(["d/a", "d/mine", "d/new", "d/s/b", "f"]);
    const before = rig.read("d.dvc");
    rig.ok("update", "d.dvc");
    expect(rig.read("d.dvc")).toBe(before);
    forget("d", "f");
    rig.ok("pull", "-q");
    expect([rig.read("d/new"), rig.read("d/a")]).toEqual(["new on remote", "1\n"]);
  });

  it("a push puts back what others replaced; the record, which is still right, stays", async () => {
    const before = rig.read("f.dvc");
    await put("f", "theirs");
    expect(rig.ok("push")).toContain("1 file pushed");
    expect(rig.read("f.dvc")).toBe(before);
    expect(rig.ok("push")).toBe("Everything is up to date.\n");
    forget("f");
    rig.ok("pull", "-q", "f");
    expect(rig.read("f")).toBe("f\n");
  });

  it("what is edited here and not recorded is kept in the cache when an update replaces it", async () => {
    await put("f", "theirs");
    rmSync(rig.path("f"));
    writeFileSync(rig.path("f"), "edited here");
    rig.ok("update", "-q", "f.dvc");
    expect(rig.read("f")).toBe("theirs");
    const texts = filesUnder(rig.path(".dvc/cache/files")).map((path) => rig.read(path.slice(rig.dir.length + 1)));
    expect(texts).toContain("edited here");
  });

  it("takes no options of imports", () => {
    expect(rig.run(["update", "--rev", "x", "d.dvc"]).err).toContain("--rev can't be used with worktree update");
  });
});

describe("import-url --version-aware", () => {
  it("records the versions, brings just these back, and update takes newer ones", async () => {
    remote("version_aware", "src");
    rig.ok("remote", "default", "-u");
    await put("in/file", "first");
    await put("in/dir/a", "A1");
    await put("in/dir/s/b", "B1");
    rig.ok("import-url", "-q", "--version-aware", "remote://src/in/file", "f");
    rig.ok("import-url", "-q", "--version-aware", "remote://src/in/dir", "d");
    expect(plain("f.dvc")).toContain(
      "- etag: 8b04d5e3775d298e78455efc5ca404d5\n  size: 5\n  version_id: ID\n  hash: md5\n  path: remote://src/in/file\n  fs_config:\n    version_aware: true\n",
    );
    expect(plain("d.dvc")).toContain(
      "  files:\n  - relpath: a\n    etag: 27f237e6b7f96587b6202ff3607ad88a\n    size: 2\n    version_id: ID\n  - relpath: s/b\n",
    );
    expect(rig.read("d.dvc")).toContain("  path: d\n  push: false\n");
    expect(rig.ok("status")).toContain("up to date");
    rig.git("add", ".");
    rig.git("commit", "-q", "-m", "imports");
    await put("in/file", "second");
    await put("in/dir/a", "A2");
    const status = JSON.parse(rig.ok("status", "--json")) as unknown;
    expect(status).toEqual({
      "d.dvc": [{ "changed deps": { "remote://src/in/dir": "modified" } }],
      "f.dvc": [{ "changed deps": { "remote://src/in/file": "update available" } }],
    });
    rig.ok("update", "-q", "f.dvc", "d.dvc");
    expect([rig.read("f"), rig.read("d/a"), rig.read("d/s/b")]).toEqual(["second", "A2", "B1"]);
    expect(rig.ok("status")).toContain("up to date");
    rig.git("checkout", "-q", ".");
    forget("f", "d");
    expect(rig.ok("pull")).toContain("3 files fetched and 3 files added");
    expect([rig.read("f"), rig.read("d/a"), rig.read("d/s/b")]).toEqual(["first", "A1", "B1"]);
  });

  it("leaves what has no versions to be pushed: nobody keeps it otherwise", async () => {
    rig.ok("remote", "add", "-q", "src", "s3://plain");
    rig.ok("remote", "modify", "src", "endpointurl", server.endpoint);
    rig.ok("remote", "modify", "--local", "src", "access_key_id", server.accessKeyId);
    rig.ok("remote", "modify", "--local", "src", "secret_access_key", server.secretAccessKey);
    server.makeBucket("plain");
    bucket = "plain";
    await put("file", "first");
    const ran = rig.run(["import-url", "--version-aware", "remote://src/pre/file", "f"]);
    expect(ran).toMatchObject({
      code: 0,
      err: "WARNING: 'remote://src/pre/file' has no versions: its data is pushed to your remote.\n",
    });
    expect(rig.read("f.dvc")).not.toContain("push");
    rig.write("local", "l");
    rig.ok("import-url", "-q", "--version-aware", "local", "l");
    expect(rig.read("l.dvc")).not.toContain("push");
    const refused = rig.run(["import-url", "--version-aware", "ssh://nowhere.invalid/file", "s"]);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("'ssh://nowhere.invalid/file' is on a storage that keeps no versions");
  });

  it("is not needed for the version of a single file, as in DVC: it is told anyway", async () => {
    rig.ok("remote", "add", "-q", "src", `s3://${bucket}/pre`);
    rig.ok("remote", "modify", "src", "endpointurl", server.endpoint);
    rig.ok("remote", "modify", "--local", "src", "access_key_id", server.accessKeyId);
    rig.ok("remote", "modify", "--local", "src", "secret_access_key", server.secretAccessKey);
    await put("file", "first");
    await put("dir/a", "A1");
    rig.ok("import-url", "-q", "remote://src/file", "f");
    rig.ok("import-url", "-q", "remote://src/dir", "d");
    expect(plain("f.dvc")).toMatch(/size: 5\n {2}version_id: ID\n {2}hash: md5\n(?:.*\n)* {2}path: f\n$/);
    expect(rig.read("d.dvc")).not.toContain("version_id");
    await put("file", "second");
    const status = JSON.parse(rig.ok("status", "--json")) as unknown;
    expect(status).toEqual({ "f.dvc": [{ "changed deps": { "remote://src/file": "update available" } }] });
    forget("f");
    rig.ok("pull", "f");
    expect(rig.read("f")).toBe("first");
    rig.ok("update", "-q", "f.dvc");
    expect(rig.read("f")).toBe("second");
  });

  it("is meant by a remote that keeps versions, too, as in DVC", async () => {
    remote("version_aware", "src");
    rig.ok("remote", "default", "-u");
    await put("in/file", "first");
    await put("in/dir/a", "A1");
    rig.ok("import-url", "-q", "remote://src/in/file", "f");
    rig.ok("import-url", "-q", "remote://src/in/dir", "d");
    rig.ok("import-url", "-q", "--no-exec", "remote://src/in/file", "later");
    expect(plain("f.dvc")).toMatch(
      /deps:\n- etag: 8b04d5e3775d298e78455efc5ca404d5\n {2}size: 5\n {2}version_id: ID\n {2}hash: md5\n {2}path: remote:\/\/src\/in\/file\nouts:\n(?:.*\n)*? {2}path: f\n {2}push: false\n$/,
    );
    expect(plain("d.dvc")).toMatch(
      /deps:\n- hash: md5\n {2}path: remote:\/\/src\/in\/dir\n {2}files:\n {2}- relpath: a\n {4}etag: 27f237e6b7f96587b6202ff3607ad88a\n {4}size: 2\n {4}version_id: ID\nouts:\n(?:.*\n)*? {2}push: false\n$/,
    );
    expect(rig.read("later.dvc")).not.toContain("push");
    await put("in/file", "second");
    const status = JSON.parse(rig.ok("status", "--json")) as unknown;
    expect(status).toMatchObject({ "f.dvc": [{ "changed deps": { "remote://src/in/file": "update available" } }] });
    forget("f", "d");
    rig.ok("pull", "-q", "f", "d");
    expect([rig.read("f"), rig.read("d/a")]).toEqual(["first", "A1"]);
  });
});
