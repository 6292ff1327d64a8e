import { spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { objectsIn, ownEnvironment } from "../support/killing.ts";
import { runBeside } from "../support/manyRuns.ts";

const ROUNDS = process.env["HOLDFAST_LONG"] === "1" ? 200 : 3;
const FILES = 40;

let folder: string;
let root: string;
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "changing-")));
  root = join(folder, "project");
  mkdirSync(join(root, "data"), { recursive: true });
  await run("init --no-scm -q");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const run = (line: string): ReturnType<typeof runBeside> => runBeside(line, { cwd: root, env: ownEnvironment(folder) });

/** Another program that goes on writing: the same sizes, and the times set back. */
const WRITER = `
const fs = require("node:fs");
const [folder, files] = process.argv.slice(1);
const time = new Date(1.7e12);
process.stdout.write("begun");
for (let version = 0; ; version++)
  for (let nth = 0; nth < Number(files); nth++) {
    const path = folder + "/" + nth;
    const fd = fs.openSync(path, "r+");
    fs.writeSync(fd, String.fromCharCode(97 + (version % 26)).repeat(100 + nth * 997));
    fs.closeSync(fd);
    fs.utimesSync(path, time, time);
  }
`;

describe("files that are written while they are added, of the same size and times", () => {
  it(
    "every object has the hash of its name, and once they rest all is recorded as it is",
    { timeout: 3_600_000 },
    async () => {
      for (let round = 0; round < ROUNDS; round++) {
        for (let nth = 0; nth < FILES; nth++)
          writeFileSync(join(root, "data", String(nth)), "-".repeat(100 + nth * 997));
        const writer = spawn(process.execPath, ["-e", WRITER, join(root, "data"), String(FILES)], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        await new Promise((done) => writer.stdout.once("data", done));
        const added = await run("add data");
        writer.kill("SIGKILL");
        await new Promise((done) => writer.once("close", done));
        expect(added.said).not.toMatch(/unexpected error|^ {4}at /m);
        objectsIn(join(root, ".dvc/cache"));
        const rest = Array.from({ length: FILES }, (_, nth) => readFileSync(join(root, "data", String(nth)), "utf8"));
        expect(await run("add data")).toMatchObject({ code: 0 });
        expect(await run("status -q")).toMatchObject({ code: 0 });
        rmSync(join(root, "data"), { recursive: true });
        expect(await run("checkout")).toMatchObject({ code: 0 });
        expect(rest.map((text, nth) => readFileSync(join(root, "data", String(nth)), "utf8") === text)).not.toContain(
          false,
        );
      }
    },
  );

  it("a single file that is replaced by one of the same size and times is added as it is", async () => {
    const path = join(root, "one");
    writeFileSync(path, "first");
    const { atime, mtime } = statSync(path);
    await run("add one");
    for (const text of ["secnd", "third", "forth"]) {
      writeFileSync(path, text);
      utimesSync(path, atime, mtime);
      expect(await run("status -q")).toMatchObject({ code: 1 });
      await run("add one");
      expect(readFileSync(join(root, "one"), "utf8")).toBe(text);
      rmSync(path);
      await run("checkout");
      expect(readFileSync(path, "utf8")).toBe(text);
      utimesSync(path, atime, mtime);
    }
  });
});
