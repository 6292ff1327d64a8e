import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { QUICK, type QuickStat, quickStat } from "./quickStat.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-quick-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function numbers(quick: QuickStat): bigint[] {
  const all = new BigUint64Array(quick.halves.buffer, 0, 8);
  return Object.values(QUICK).map((place) => all[place] as bigint);
}

function expected(path: string): bigint[] {
  const stat = lstatSync(path, { bigint: true });
  return (Object.keys(QUICK) as (keyof typeof QUICK)[]).map((name) => stat[name]);
}

describe.runIf(process.platform === "linux")("quickStat", () => {
  let quick: QuickStat;
  beforeAll(() => {
    const found = quickStat(1000, folder);
    if (found === undefined) throw new Error("this Node has no WASI that agrees with its lstat");
    quick = found;
  });

  it.each(["plain", "with space", "..dots", "ünï–✓ 😀", "back\\slash", "a".repeat(255), "-", "%2e%2e"])(
    "says of '%s' what lstat says",
    (name) => {
      const path = join(folder, name);
      writeFileSync(path, name);
      expect(quick.look(path)).toBe(true);
      expect(numbers(quick)).toEqual(expected(path));
    },
  );

  it("looks at a link, not at its target, and through linked folders", () => {
    mkdirSync(join(folder, "real"));
    writeFileSync(join(folder, "real", "file"), "x");
    symlinkSync("real", join(folder, "link"));
    for (const path of [join(folder, "link"), join(folder, "link", "file"), join(folder, "real")]) {
      expect(quick.look(path)).toBe(true);
      expect(numbers(quick)).toEqual(expected(path));
    }
  });

  it("finds nothing where nothing is, below a file, and for a path that is too long", () => {
    for (const path of [join(folder, "missing"), join(folder, "plain", "below"), `/${"x/".repeat(40_000)}`])
      expect(quick.look(path)).toBe(false);
  });

  it("sees an edit at once", () => {
    const path = join(folder, "edited");
    writeFileSync(path, "one");
    quick.look(path);
    const before = numbers(quick);
    writeFileSync(path, "longer");
    expect(quick.look(path)).toBe(true);
    expect(numbers(quick)).toEqual(expected(path));
    expect(numbers(quick)).not.toEqual(before);
  });

  it("prints no warning, and leaves Node's own way to warn in place", async () => {
    const main = join(folder, "main.mjs");
    const contents = `import { quickStat } from "./quickStat.ts";
      console.log(quickStat(1000, process.cwd()) !== undefined);
      process.emitWarning("heard");`;
    const resolveDir = import.meta.dirname;
    await build({ stdin: { contents, resolveDir }, bundle: true, outfile: main, format: "esm", platform: "node" });
    const run = spawnSync(process.execPath, [main], { encoding: "utf8" });
    expect(run.stdout).toBe("true\n");
    expect(run.stderr).toContain("heard");
    expect(run.stderr).not.toContain("WASI");
  });
});
