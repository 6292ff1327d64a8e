import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { unpack } from "./compression.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "unpack-"));
  path = join(folder, "archive");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function bytesOf(most = Infinity): Promise<number> {
  let size = 0;
  for await (const chunk of unpack(path)) if ((size += chunk.length) >= most) break;
  return size;
}

it("unpacks gzip, and ends with one error or none, whatever the archive holds and wherever the reader stops", async () => {
  const strays: unknown[] = [];
  const hear = (error: unknown): void => {
    strays.push(error);
  };
  process.on("uncaughtException", hear);
  try {
    const packed = gzipSync(randomBytes(1 << 20));
    writeFileSync(path, packed);
    expect(await bytesOf()).toBe(1 << 20);
    expect(await bytesOf(1)).toBeLessThan(1 << 20);
    for (const at of [20, 70_000, packed.length - 5]) {
      const damaged = Buffer.from(packed);
      damaged.fill(0xff, at, at + 5);
      writeFileSync(path, damaged);
      await expect(bytesOf()).rejects.toThrow(`'${path}' is damaged`);
      await bytesOf(1).catch(() => undefined);
    }
    writeFileSync(path, packed.subarray(0, 200_000));
    await expect(bytesOf()).rejects.toThrow("unexpected end of file");
    // Of a short one the end may be asked for at the very moment when the damage is found.
    writeFileSync(path, Buffer.from([0x1f, 0x8b, 0xff, 0xff, ...randomBytes(40)]));
    for (let turn = 0; turn < 1000; turn++) await expect(bytesOf()).rejects.toThrow(`'${path}' is damaged`);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(strays).toEqual([]);
  } finally {
    process.off("uncaughtException", hear);
  }
});
