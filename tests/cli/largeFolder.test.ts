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
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Rig } from "../support/rig.ts";

/** One more than from which on a second thread helps to look. */
const FILES = 8001;
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

it("two threads miss no change of a large folder, nor a missing object", () => {
  for (let i = 0; i < 20; i++) mkdirSync(join(rig.dir, "data", String(i)), { recursive: true });
  for (let i = 0; i < FILES; i++) writeFileSync(join(rig.dir, nameOf(i)), `file ${String(i % 40)}`);
  rig.ok("add", "-q", "data");
  expect(rig.ok("status")).toBe(UP_TO_DATE);
  expect(rig.ok("status")).toBe(UP_TO_DATE);
  // The same size and the old mtime, first and last and in the middle; one touched, one replaced by a rename.
  const edited = [0, 4321, FILES - 1].map(nameOf);
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
