import { createHash } from "node:crypto";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FileHash } from "./fileHash.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "file-hash-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const bytesOf = (nth: number): Buffer => Buffer.alloc(100_000 + nth * 977, `${String(nth)} some text `);
const md5Of = (bytes: Buffer): string => createHash("md5").update(bytes).digest("hex");

it("hashes many files on a few threads while they grow, each by itself", async () => {
  const files = Array.from({ length: 20 }, (_, nth) => join(folder, String(nth)));
  for (const path of files) writeFileSync(path, "");
  const hashes = files.map((path) => new FileHash(path));
  for (const [nth, path] of files.entries()) {
    appendFileSync(path, bytesOf(nth).subarray(0, 50_000));
    hashes[nth]?.advance(50_000);
  }
  await hashes[3]?.stop();
  for (const [nth, path] of files.entries()) appendFileSync(path, bytesOf(nth).subarray(50_000));
  const found = await Promise.all(hashes.map(async (one, nth) => (nth === 3 ? "" : one.finish(bytesOf(nth).length))));
  expect(found).toEqual(files.map((_, nth) => (nth === 3 ? "" : md5Of(bytesOf(nth)))));
  for (const one of hashes) await one.stop();
});

it("of a file that is absent, too short or not asked for any more tells no hash; others are not disturbed", async () => {
  const path = join(folder, "file");
  writeFileSync(path, "four");
  const hashes = [join(folder, "absent"), path, path, path].map((one) => new FileHash(one));
  const results = Promise.allSettled(hashes.map(async (one, nth) => one.finish(nth === 1 ? 5 : 4)));
  await hashes[2]?.stop();
  const told = (await results).map((one) => (one.status === "fulfilled" ? one.value : (one.reason as Error).message));
  expect(told[0]).toContain("ENOENT");
  expect(told[1]).toBe("the file ended early");
  expect([md5Of(Buffer.from("four")), "the hash is not asked for any more"]).toContain(told[2]);
  expect(told[3]).toBe(md5Of(Buffer.from("four")));
  for (const one of hashes) await one.stop();
  const later = new FileHash(path);
  expect(await later.finish(4)).toBe(told[3]);
  await later.stop();
});
