import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { EarlyFlush } from "./earlyFlush.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flush-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

it("flushes while more comes, and tells at the end what went wrong on the way", async () => {
  const fd = openSync(join(folder, "file"), "w");
  writeSync(fd, "some text");
  const flush = new EarlyFlush(fd);
  for (let turn = 0; turn < 3; turn++) flush.wrote(64 << 20);
  await flush.end();
  closeSync(fd);
  const closed = new EarlyFlush(fd);
  // Nothing is asked of the disk for less than 64 MiB.
  closed.wrote((64 << 20) - 1);
  await closed.end();
  closed.wrote(1);
  await expect(closed.end()).rejects.toThrow("EBADF");
  await expect(closed.end()).rejects.toThrow("EBADF");
});
