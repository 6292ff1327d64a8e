// The exemplar's story by the built program: what `make` does, and that it never takes somebody's folder.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const binary = join(import.meta.dirname, "..", "..", "packages", "cli", "bin", "holdfast.js");
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "demo-test-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function demo(...args: string[]): { status: number | null; text: string } {
  const ran = spawnSync(process.execPath, [binary, "demo", ...args], { cwd: dir, encoding: "utf8" });
  return { status: ran.status, text: ran.stdout + ran.stderr };
}

test(
  "plays the whole story, proves every claim, and leaves the committed remote as it is",
  { timeout: 600_000 },
  () => {
    const { status, text } = demo("story");
    expect(text).not.toContain("FAILED");
    expect(text).toMatch(/(\d+) of \1 claims hold/);
    expect(status).toBe(0);
    const config = readFileSync(join(dir, "story", "dvc-exemplar", ".dvc", "config"), "utf8");
    expect(config).toContain("remote = s3remote");
    expect(config).toContain("url = s3://dvc-exemplar/artifact-versioning");
  },
);

test("refuses a folder that it did not make, and leaves it alone", () => {
  writeFileSync(join(dir, "thesis.txt"), "years of work");
  const { status, text } = demo(".");
  expect(status).not.toBe(0);
  expect(text).toContain("was not made by a demo");
  expect(readFileSync(join(dir, "thesis.txt"), "utf8")).toBe("years of work");
  expect(existsSync(join(dir, "dvc-exemplar"))).toBe(false);
});
