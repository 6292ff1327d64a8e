import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { DigestSet } from "./digestSet.ts";

const md5Of = (nth: number): string => createHash("md5").update(String(nth)).digest("hex");

it("holds what was added, once, and nothing else", () => {
  const set = new DigestSet();
  const alike = ["0", "1", "f"].map((end) => "0".repeat(31) + end);
  expect(set.has(alike[0] ?? "")).toBe(false);
  for (let turn = 0; turn < 2; turn++) {
    for (let nth = 0; nth < 5000; nth++) set.add(md5Of(nth));
    for (const one of alike) set.add(one);
  }
  expect(set.size).toBe(5003);
  for (let nth = 0; nth < 10_000; nth++) expect(set.has(md5Of(nth))).toBe(nth < 5000);
  expect(alike.every((one) => set.has(one))).toBe(true);
  expect(set.has(`${"0".repeat(31)}2`)).toBe(false);
});
