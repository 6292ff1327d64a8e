import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TextColumn } from "../../packages/core/src/base/textColumn.ts";
import { type RowShare, scanLeftRows, scanRows } from "../../packages/core/src/data/rowScan.ts";
import { BINARY, Rig } from "../support/rig.ts";

/** Enough that the cache is remembered as whole. */
const FILES = 2001;
const UP_TO_DATE = "Data and pipelines are up to date.\n";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
});
afterEach(() => {
  rig.close();
});

const nameOf = (number: number): string => `data/${String(number % 20)}/${String(number)}`;
const changed = (): unknown => {
  const { uncommitted } = JSON.parse(rig.ok("data", "status", "--json", "--granular")) as {
    uncommitted?: { modified?: string[]; deleted?: string[] };
  };
  return uncommitted ?? {};
};

it("no change of a large folder is missed, nor a missing object", () => {
  for (let i = 0; i < 20; i++) mkdirSync(join(rig.dir, "data", String(i)), { recursive: true });
  for (let i = 0; i < FILES; i++) writeFileSync(join(rig.dir, nameOf(i)), `file ${String(i % 40)}`);
  rig.ok("add", "-q", "data");
  expect(rig.ok("status")).toBe(UP_TO_DATE);
  expect(rig.ok("status")).toBe(UP_TO_DATE);
  // The same size and the old mtime, first and last and in the middle; one touched, one replaced by a rename.
  const edited = [0, 1234, FILES - 1].map(nameOf);
  for (const name of edited) {
    const path = join(rig.dir, name);
    const { atime, mtime } = statSync(path);
    writeFileSync(path, readFileSync(path, "utf8").replace("file", "FILE"));
    utimesSync(path, atime, mtime);
  }
  const now = new Date();
  utimesSync(join(rig.dir, nameOf(77)), now, now);
  writeFileSync(join(rig.dir, "new"), "FILE 19");
  renameSync(join(rig.dir, "new"), join(rig.dir, nameOf(99)));
  const modified = ["data/", nameOf(99), ...edited].sort();
  for (let i = 0; i < 2; i++) expect(changed()).toEqual({ modified });
  rig.ok("checkout", "-q", "--force");
  expect(rig.ok("status")).toBe(UP_TO_DATE);
  expect(changed()).toEqual({});
  const record = readFileSync(join(rig.dir, "data.dvc"), "utf8");
  const folder = join(rig.dir, ".dvc", "cache", "files", "md5");
  const oid = /md5: (\w+)\.dir/.exec(record)?.[1] ?? "";
  const manifest = readFileSync(join(folder, oid.slice(0, 2), `${oid.slice(2)}.dir`), "utf8");
  const [{ md5 }] = JSON.parse(manifest) as [{ md5: string }];
  const object = join(folder, md5.slice(0, 2), md5.slice(2));
  chmodSync(object, 0o644);
  unlinkSync(object);
  expect(rig.ok("status")).toContain("not in cache");
  rig.ok("add", "-q", "data");
  expect(rig.ok("status")).toBe(UP_TO_DATE);
  expect(readFileSync(join(rig.dir, "data.dvc"), "utf8")).toBe(record);
}, 60_000);

/** A share of files that are as recorded, but for those in `wrong`. */
function shareOf(names: readonly string[], wrong: ReadonlySet<number>): RowShare {
  const stats = new BigUint64Array(new SharedArrayBuffer(names.length * 40));
  for (const [row, name] of names.entries()) {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(join(rig.dir, name), { bigint: true });
    stats.set([dev, ino, size, mtimeNs, wrong.has(row) ? ctimeNs - 1n : ctimeNs], row * 5);
  }
  return {
    base: `${rig.dir}/`,
    relpaths: TextColumn.of(names).share,
    stats,
    flags: new Uint8Array(names.length),
    verdicts: new Uint8Array(new SharedArrayBuffer(names.length)),
    next: new Int32Array(new SharedArrayBuffer(4)),
  };
}

it("the built thread finds what the first finds, alone and beside it", async () => {
  const names = Array.from({ length: 1000 }, (_, i) => `f${String(i)}`);
  for (const name of names) rig.write(name, name);
  unlinkSync(join(rig.dir, "f500"));
  rig.write("f500", "f500");
  const wrong = new Set([0, 127, 128, 500, 999]);
  const wanted = names.map((_, row) => (wrong.has(row) ? 2 : 1));
  for (const isBeside of [false, true]) {
    const share = shareOf(names, wrong);
    const worker = new Worker(join(dirname(BINARY), "data", "lookWorker.js"), { workerData: share });
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    if (isBeside) {
      scanRows(share);
      scanLeftRows(share);
      expect([...share.verdicts]).toEqual(wanted);
    }
    await ended;
    expect([...share.verdicts]).toEqual(wanted);
  }
});
