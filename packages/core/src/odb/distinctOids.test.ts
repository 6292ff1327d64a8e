import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { DistinctOids } from "./distinctOids.ts";

const md5Of = (nth: number): string => createHash("md5").update(String(nth)).digest("hex");

it("keeps each id once, in the order in which they were first named", () => {
  const oids = Array.from({ length: 300 }, (_, nth) => md5Of(nth));
  const distinct = new DistinctOids();
  distinct.add(oids.slice(100));
  distinct.add(oids);
  distinct.add(oids.toReversed());
  expect([...distinct.column]).toEqual([...oids.slice(100), ...oids.slice(0, 100)]);
});

it.each(["../../etc/passwd", "A".repeat(32), `${"a".repeat(32)}.dir`, "abc"])("takes no %s", (oid) => {
  expect(() => {
    new DistinctOids().add([oid]);
  }).toThrow("is not the id of a file's object");
});
