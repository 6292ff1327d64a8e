import { rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type OpenedStorage, openStorage } from "../../packages/core/src/fs/open.ts";
import { Rig } from "./rig.ts";

/** A bucket, and what opens it. */
export interface VersionedBucket {
  readonly url: string;
  /** Options of the remote. */
  readonly options: Readonly<Record<string, string>>;
}

/** A storage whose buckets keep versions, or not. */
export interface VersionedStorage {
  makeBucket(name: string, keepsVersions: boolean): Promise<VersionedBucket>;
  /** How a record writes the two. The id is group 1 of its own. */
  readonly etag: RegExp;
  readonly versionId: RegExp;
  /** How `get --show-url` names a version. */
  urlOf(file: string, id: string): string;
  /** Versions that are kept of a file, oldest first, where the test can know. */
  idsOf?(file: string): string[];
  stop(): Promise<void>;
}

/** What `version_aware` and `worktree` do on a storage. The program runs beside: the server may be in this process. */
export function describeVersionedRemote(name: string, start: () => Promise<VersionedStorage>): void {
  describe(`a remote on ${name} that keeps versions`, () => {
    let storage: VersionedStorage;
    let rig: Rig;
    let bucket: VersionedBucket;
    let count = 0;

    beforeAll(async () => {
      storage = await start();
    });
    afterAll(async () => {
      await storage.stop();
    });
    beforeEach(() => {
      rig = new Rig().project();
    });
    afterEach(() => {
      rig.close();
    });

    async function remote(kind: "version_aware" | "worktree", keepsVersions = true): Promise<void> {
      bucket = await storage.makeBucket(`versioned-${String(++count)}`, keepsVersions);
      rig.ok("remote", "add", "-q", "-d", "v", `${bucket.url}/pre`);
      for (const [option, value] of Object.entries(bucket.options))
        rig.ok("remote", "modify", "--local", "v", option, value);
      rig.ok("remote", "modify", "v", kind, "true");
      rig.write("d/a", "1\n");
      rig.write("d/s/b c", "2\n");
      rig.write("f", "f\n");
      rig.ok("add", "-q", "d", "f");
    }

    async function ok(...words: string[]): Promise<string> {
      const { code, out, err } = await rig.runBeside(words);
      if (code !== 0) throw new Error(`${words.join(" ")}: ${err}`);
      return out;
    }

    const idsIn = (file: string): string[] =>
      [...(rig.read(file) ?? "").matchAll(new RegExp(`version_id: ${storage.versionId.source}`, "g"))].map(
        ([, id]) => id ?? "",
      );

    function forget(): void {
      for (const path of ["d", "f", ".dvc/cache"]) rmSync(rig.path(path), { recursive: true, force: true });
    }

    function open(): Promise<OpenedStorage> {
      const url = `${bucket.url}/pre`;
      return openStorage(url, { values: { ...bucket.options, url }, env: {}, home: "/nonexistent" });
    }

    it("records versions as DVC does, and gives back every one", async () => {
      await remote("version_aware");
      expect(await ok("push")).toBe("3 files pushed\n");
      const [first = ""] = idsIn("f.dvc");
      expect(rig.read("f.dvc")).toMatch(
        new RegExp(
          `^outs:\\n- md5: 9a8ad92c50cae39aa2c5604fd0ab6d8c\\n {2}size: 2\\n {2}hash: md5\\n {2}path: f\\n {2}cloud:\\n {4}v:\\n {6}etag: ${storage.etag.source}\\n {6}version_id: ${storage.versionId.source}\\n$`,
        ),
      );
      expect(idsIn("d.dvc")).toHaveLength(2);
      if (storage.idsOf !== undefined)
        expect(idsIn("d.dvc")).toEqual(
          ["d/a", "d/s/b c"].flatMap((file) => storage.idsOf?.(`${bucket.url}/pre/${file}`) ?? []),
        );
      expect(await ok("push")).toBe("Everything is up to date.\n");
      rig.git("add", ".");
      rig.git("commit", "-q", "-m", "one");
      rig.write("f", "two\n");
      rig.ok("add", "-q", "f");
      expect(await ok("push")).toBe("1 file pushed\n");
      const second = idsIn("f.dvc");
      expect(second).not.toEqual([first]);
      if (storage.idsOf !== undefined) expect([first, ...second]).toEqual(storage.idsOf(`${bucket.url}/pre/f`));
      rig.git("commit", "-q", "-a", "-m", "two");
      forget();
      await ok("pull", "-q");
      expect([rig.read("f"), rig.read("d/a"), rig.read("d/s/b c")]).toEqual(["two\n", "1\n", "2\n"]);
      forget();
      rig.git("checkout", "-q", "HEAD~1");
      await ok("pull", "-q");
      expect(rig.read("f")).toBe("f\n");
      expect(await ok("get", "--show-url", rig.dir, "f")).toBe(`${storage.urlOf(`${bucket.url}/pre/f`, first)}\n`);
    });

    it("a worktree takes what others left, and old versions of what they removed", async () => {
      await remote("worktree");
      await ok("push", "-q");
      rig.git("add", ".");
      rig.git("commit", "-q", "-m", "mine");
      const { fs, root } = await open();
      await fs.write(`${root}/d/new`, { bytes: Buffer.from("new") });
      await fs.write(`${root}/f`, { bytes: Buffer.from("theirs") });
      await fs.remove(`${root}/d/a`);
      await fs.close();
      await ok("update", "-q", "d.dvc", "f.dvc");
      expect([rig.read("d/new"), rig.read("f"), rig.read("d/a")]).toEqual(["new", "theirs", undefined]);
      expect(await ok("push")).toBe("Everything is up to date.\n");
      forget();
      await ok("pull", "-q");
      expect([rig.read("d/new"), rig.read("f"), rig.read("d/s/b c")]).toEqual(["new", "theirs", "2\n"]);
      forget();
      rig.git("checkout", "-q", ".");
      await ok("pull", "-q");
      expect([rig.read("d/a"), rig.read("f")]).toEqual(["1\n", "f\n"]);
    });

    it("a bucket that keeps none is refused: it would name versions that are gone tomorrow", async () => {
      await remote("version_aware", false);
      const ran = await rig.runBeside(["push"]);
      expect(ran.code).toBe(1);
      expect(ran.err).toContain("remote 'v' keeps no versions");
      expect(rig.read("f.dvc")).not.toContain("version_id");
    });
  });
}
