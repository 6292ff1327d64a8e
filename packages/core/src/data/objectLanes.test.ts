import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { md5Bytes } from "../hash/md5.ts";
import { ObjectLanes } from "./objectLanes.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanes-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

it("hashes objects of different lengths together, each number of them, and hands their bytes over in order", () => {
  const lanes = new ObjectLanes();
  const sizes = [0, 1, 55, 56, 63, 64, 65, 80, 119, 120, 128, 1000, 4096, 20_000, lanes.capacity - 1, 3];
  const texts = sizes.map((size, nth) => Buffer.alloc(size, `${String(nth)} text `));
  const paths = texts.map((text, nth) => {
    writeFileSync(join(folder, String(nth)), text);
    return join(folder, String(nth));
  });
  for (let together = 1; together <= 8; together++) {
    for (let from = 0; from + together <= texts.length; from++) {
      for (let nth = from; nth < from + together; nth++) {
        const fd = openSync(paths[nth] as string, "r");
        expect(lanes.isFull).toBe(false);
        expect(lanes.read(nth, fd, fstatSync(fd, { bigint: true }))).toBe(true);
        closeSync(fd);
      }
      expect(lanes.isFull).toBe(together === 8);
      const got: number[] = [];
      lanes.drain(({ index, md5, bytes, count }) => {
        const text = texts[index] as Buffer;
        got.push(index);
        expect(md5).toBe(md5Bytes(text));
        expect(text.equals(bytes.subarray(0, count))).toBe(true);
      });
      expect(got).toEqual(Array.from({ length: together }, (_, nth) => from + nth));
    }
  }
});

it("does not take an object that has grown", () => {
  const path = join(folder, "growing");
  writeFileSync(path, "short");
  const fd = openSync(path, "r");
  const before = fstatSync(fd, { bigint: true });
  writeFileSync(path, "longer than before");
  const lanes = new ObjectLanes();
  expect(lanes.read(0, fd, before)).toBe(false);
  closeSync(fd);
  let handed = 0;
  lanes.drain(() => handed++);
  expect(handed).toBe(0);
});
