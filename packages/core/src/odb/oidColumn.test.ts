import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { OidColumn } from "./oidColumn.ts";

const oids = Array.from({ length: 3000 }, (_, nth) => createHash("md5").update(String(nth)).digest("hex"));

it("keeps ids as they come", () => {
  const column = OidColumn.of(oids, oids.length + 5);
  expect(column).toHaveLength(oids.length);
  expect([...column]).toEqual(oids);
});

it("brings the objects of a folder together", () => {
  const column = OidColumn.of(oids, oids.length).byFolder();
  expect([...column].map((oid) => oid.slice(0, 4))).toEqual(oids.map((oid) => oid.slice(0, 4)).sort());
  expect([...column].sort()).toEqual(oids.toSorted());
});

it.each([[[]], [["f".repeat(32)]], [["0".repeat(32), "f".repeat(32)]]])("sorts %j", (few) => {
  expect([...OidColumn.of(few, 2).byFolder()]).toEqual(few);
});
