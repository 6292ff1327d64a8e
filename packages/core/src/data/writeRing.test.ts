import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { drainRing, openRing, RingFiller, SLOT_BYTES } from "./writeRing.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ring-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function push(filler: RingFiller, text: string): void {
  const slot = filler.slot();
  if (slot === undefined) throw new Error("no free slot");
  filler.push(slot.write(text));
}

test("what is handed over before the end is written, in order", () => {
  const file = join(folder, "out");
  const fd = openSync(file, "wx");
  const ring = openRing(fd);
  const filler = new RingFiller(ring);
  push(filler, "one ");
  push(filler, "two");
  expect(filler.isWritten).toBe(false);
  filler.end(true);
  drainRing(ring);
  closeSync(fd);
  expect(readFileSync(file, "utf8")).toBe("one two");
  expect(filler.isWritten).toBe(true);
  expect(filler.writtenBytes).toBe(2 * SLOT_BYTES);
});

test("an incomplete end writes nothing more", () => {
  const file = join(folder, "out");
  const fd = openSync(file, "wx");
  const ring = openRing(fd);
  const filler = new RingFiller(ring);
  push(filler, "one");
  filler.end(false);
  drainRing(ring);
  closeSync(fd);
  expect(readFileSync(file, "utf8")).toBe("");
  expect(filler.isWritten).toBe(false);
});

test("no slot is given that was not written yet", () => {
  const filler = new RingFiller(openRing(-1));
  for (let slot = filler.slot(); slot !== undefined; slot = filler.slot()) filler.push(1);
  expect(filler.isWritten).toBe(false);
});

test("a failed write is thrown", () => {
  const fd = openSync(join(folder, "in"), "wx");
  closeSync(fd);
  const readOnly = openSync(join(folder, "in"), "r");
  const ring = openRing(readOnly);
  const filler = new RingFiller(ring);
  push(filler, "x");
  filler.end(true);
  expect(() => {
    drainRing(ring);
  }).toThrow(/EBADF/);
  closeSync(readOnly);
  expect(filler.isWritten).toBe(false);
});
