import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CorruptObjectError, StorageError } from "../base/errors.ts";
import type { FileSystem, Info } from "./filesystem.ts";

/** A storage to put to the test, with an empty folder in it that the suite may use. */
export interface ContractSubject {
  readonly fs: FileSystem;
  readonly folder: string;
  readonly stop?: () => Promise<void>;
}

/** What every storage must do; `start` is called once. */
export function describeFileSystem(name: string, start: () => Promise<ContractSubject>): void {
  describe(`storage contract: ${name}`, () => {
    let subject: ContractSubject;
    let fs: FileSystem;
    let scratch: string;
    const at = (path: string): string => `${subject.folder}/${path}`;
    const put = (path: string, text: string): Promise<void> => fs.write(at(path), { bytes: Buffer.from(text) });
    const all = async (items: AsyncIterable<Info>): Promise<Info[]> => {
      const found: Info[] = [];
      for await (const item of items) found.push(item);
      return found.sort((a, b) => (a.path < b.path ? -1 : 1));
    };
    const paths = async (items: AsyncIterable<Info>): Promise<string[]> => (await all(items)).map((one) => one.path);

    beforeAll(async () => {
      subject = await start();
      fs = subject.fs;
      scratch = mkdtempSync(join(tmpdir(), "hf-contract-"));
    });
    afterAll(async () => {
      rmSync(scratch, { recursive: true, force: true });
      await fs.close();
      await subject.stop?.();
    });

    it("gives back what was written, also under unusual names", async () => {
      for (const path of ["plain", "a/b c+ü.txt", "x/%41&<>'\"#?.bin", "deep/er/and/deeper"]) {
        await put(path, `text of ${path}`);
        expect((await fs.readBytes(at(path))).toString()).toBe(`text of ${path}`);
        expect(await fs.stat(at(path))).toMatchObject({ path: at(path), type: "file" });
      }
    });

    it("replaces a file as a whole", async () => {
      await put("again", "a long first text");
      await put("again", "short");
      expect((await fs.readBytes(at("again"))).toString()).toBe("short");
    });

    it("answers absence with undefined, and a read of it with not-found", async () => {
      expect(await fs.stat(at("nope"))).toBeUndefined();
      await expect(fs.readBytes(at("nope"))).rejects.toMatchObject({ code: "not-found" });
      await expect(fs.readBytes(at("nope"))).rejects.toBeInstanceOf(StorageError);
      await expect(fs.download(at("nope"), join(scratch, "nope"))).rejects.toMatchObject({ code: "not-found" });
      expect(await paths(fs.list(at("nope")))).toEqual([]);
      expect(await paths(fs.children(at("nope")))).toEqual([]);
    });

    it("keeps an empty file", async () => {
      await put("empty", "");
      expect(await fs.stat(at("empty"))).toMatchObject({ size: 0, type: "file" });
      expect(await fs.download(at("empty"), join(scratch, "empty"))).toEqual({
        md5: "d41d8cd98f00b204e9800998ecf8427e",
        size: 0,
      });
    });

    it("reads ranges", async () => {
      await put("range", "0123456789");
      expect((await fs.readBytes(at("range"), { start: 2, end: 5 })).toString()).toBe("234");
      expect((await fs.readBytes(at("range"), { start: 7 })).toString()).toBe("789");
      const chunks: Buffer[] = [];
      for await (const chunk of await fs.read(at("range"), { end: 4 })) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).toString()).toBe("0123");
    });

    it("lists all files below a folder, and those that begin with a text", async () => {
      for (const path of ["list/a", "list/ab/c", "list/b/d/e", "listing"]) await put(path, path);
      expect(await paths(fs.list(at("list")))).toEqual(["list/a", "list/ab/c", "list/b/d/e"].map(at));
      expect(await paths(fs.list(at("list"), { startsWith: "a" }))).toEqual(["list/a", "list/ab/c"].map(at));
      expect(await paths(fs.list(at("list"), { startsWith: "b/d" }))).toEqual([at("list/b/d/e")]);
      expect((await all(fs.list(at("list")))).map((one) => one.size)).toEqual([6, 9, 10]);
    });

    it("gives the children of a folder", async () => {
      for (const path of ["kids/a", "kids/b/c", "kids/b/d"]) await put(path, "x");
      const found = await all(fs.children(at("kids")));
      expect(found.map(({ path, type }) => [path, type])).toEqual([
        [at("kids/a"), "file"],
        [at("kids/b"), "folder"],
      ]);
    });

    it("lists more than a page", async () => {
      const names = Array.from({ length: 1005 }, (_, i) => `many/${String(i).padStart(5, "0")}`);
      for (let i = 0; i < names.length; i += 67) await Promise.all(names.slice(i, i + 67).map((one) => put(one, "x")));
      expect(await paths(fs.list(at("many")))).toEqual(names.map(at));
      await fs.removeMany(names.map(at));
      expect(await paths(fs.list(at("many")))).toEqual([]);
    });

    it("removes, and does not mind absence", async () => {
      await put("gone", "x");
      await fs.remove(at("gone"));
      await fs.remove(at("gone"));
      await fs.removeMany([at("gone"), at("never/was")]);
      expect(await fs.stat(at("gone"))).toBeUndefined();
    });

    it("carries a large file both ways, hashed, counted and with the mode asked for", async () => {
      const bytes = randomBytes(45 * 1024 * 1024 + 17);
      const md5 = createHash("md5").update(bytes).digest("hex");
      const file = join(scratch, "large");
      writeFileSync(file, bytes);
      let sent = 0;
      const count = (n: number): void => void (sent += n);
      await fs.write(at("large"), { file, size: bytes.length }, { md5, onBytes: count });
      expect(sent).toBe(bytes.length);
      let received = 0;
      const back = join(scratch, "back");
      const onBytes = (n: number): void => void (received += n);
      expect(await fs.download(at("large"), back, { onBytes, mode: 0o400 })).toEqual({ md5, size: bytes.length });
      expect(received).toBe(bytes.length);
      expect(statSync(back).mode & 0o777).toBe(0o400);
      expect(readFileSync(back).equals(bytes)).toBe(true);
    });

    it("does not let wrong bytes get a name, small or large", async () => {
      const wrong = { md5: "0".repeat(32) };
      const large = join(scratch, "wrong");
      writeFileSync(large, randomBytes(9 * 1024 * 1024));
      const writes = await Promise.allSettled([
        fs.write(at("wrong/small"), { bytes: Buffer.from("x") }, wrong),
        fs.write(at("wrong/large"), { file: large, size: 9 * 1024 * 1024 }, wrong),
      ]);
      for (const write of writes) expect(write).toMatchObject({ reason: expect.any(CorruptObjectError) as unknown });
      expect(await paths(fs.list(at("wrong")))).toEqual([]);
    });

    it("never writes over a local file on download", async () => {
      await put("down", "new");
      const there = join(scratch, "there");
      writeFileSync(there, "old");
      await expect(fs.download(at("down"), there)).rejects.toThrow();
      expect(readFileSync(there, "utf8")).toBe("old");
    });

    it("stops when asked to", async () => {
      await put("stop", "x");
      const signal = AbortSignal.abort();
      await expect(fs.download(at("stop"), join(scratch, "stop"), { signal })).rejects.toThrow(/abort/i);
    });
  });
}
