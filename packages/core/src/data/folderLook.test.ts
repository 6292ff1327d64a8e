import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasFolderTimes } from "../odb/folderTimes.ts";
import { openState } from "../odb/state.ts";
import { build, type Built } from "./build.ts";
import { lookAtFolder } from "./folderLook.ts";
import type { IgnorePredicate } from "./walk.ts";

let folder: string;
let data: string;
const names = ["a", "b.txt", "sub.x", "sub/b", "sub/deep/c", "z"];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hf-look-"));
  data = join(folder, "data");
  mkdirSync(join(data, "sub", "deep"), { recursive: true });
  for (const name of names) writeFileSync(join(data, name), `bytes of ${name}`);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Lets the clock of the file system move on, so that what is there counts as settled. */
async function settle(): Promise<void> {
  const marker = join(folder, "clock");
  writeFileSync(marker, "");
  const newest = statSync(marker).ctimeMs;
  while (Date.now() - newest < 60) await new Promise(setImmediate);
}

/** Builds with a state that a new process would read. */
async function remembered(ignore?: IgnorePredicate): Promise<Built> {
  const state = openState(join(folder, "state"));
  const built = await build(data, { state, ignore });
  state.save();
  return built;
}

const plain = (built: Built): unknown => ({
  hash: built.hash,
  meta: built.meta,
  entries: built.tree?.entries,
  hasLinks: built.hasLinks,
});

const recordNow = (): boolean => {
  const state = openState(join(folder, "state"));
  return lookAtFolder(data, {}, state.folders.get(data, "md5")).isAsRecorded;
};

/** After each change the answer with a record is the answer without one, twice. */
async function expectSame(ignore?: IgnorePredicate): Promise<void> {
  const wanted = plain(await build(data, { ignore }));
  expect(plain(await remembered(ignore))).toEqual(wanted);
  expect(plain(await remembered(ignore))).toEqual(wanted);
}

describe("a folder that was recorded", () => {
  beforeEach(async () => {
    await settle();
    await remembered();
  });

  it("is told by its record alone", async () => {
    expect(recordNow()).toBe(hasFolderTimes(data));
    await expectSame();
  });

  it("shows an edit of the same size with the old mtime put back", async () => {
    const { atime, mtime } = statSync(join(data, "a"));
    writeFileSync(join(data, "a"), "bytes of b");
    writeFileSync(join(data, "a"), "Bytes of a");
    utimesSync(join(data, "a"), atime, mtime);
    expect(recordNow()).toBe(false);
    await expectSame();
    await settle();
    await expectSame();
    expect(recordNow()).toBe(hasFolderTimes(data));
  });

  it.each<[string, () => void]>([
    [
      "a touched file",
      () => {
        utimesSync(join(data, "sub/b"), 1, 1);
      },
    ],
    [
      "a new file",
      () => {
        writeFileSync(join(data, "sub", "a"), "new");
      },
    ],
    [
      "a new file between a file and a folder",
      () => {
        writeFileSync(join(data, "sub-1"), "new");
      },
    ],
    [
      "a removed file",
      () => {
        rmSync(join(data, "sub", "b"));
      },
    ],
    [
      "a renamed file",
      () => {
        renameSync(join(data, "a"), join(data, "sub", "a"));
      },
    ],
    [
      "a file replaced by another",
      () => {
        writeFileSync(join(folder, "other"), "Bytes of a");
        renameSync(join(folder, "other"), join(data, "a"));
      },
    ],
    [
      "a new folder",
      () => {
        mkdirSync(join(data, "new"));
        writeFileSync(join(data, "new", "f"), "f");
      },
    ],
    [
      "an empty folder",
      () => {
        mkdirSync(join(data, "empty"));
      },
    ],
    [
      "a removed folder",
      () => {
        rmSync(join(data, "sub", "deep"), { recursive: true });
      },
    ],
    [
      "a folder that became a file",
      () => {
        rmSync(join(data, "sub"), { recursive: true });
        writeFileSync(join(data, "sub"), "file");
      },
    ],
    [
      "a file that became a link",
      () => {
        renameSync(join(data, "a"), join(folder, "outside"));
        symlinkSync(join(folder, "outside"), join(data, "a"));
      },
    ],
    [
      "two files that changed places",
      () => {
        renameSync(join(data, "a"), join(data, "x"));
        renameSync(join(data, "z"), join(data, "a"));
        renameSync(join(data, "x"), join(data, "z"));
      },
    ],
  ])("shows %s", async (_name, change) => {
    change();
    expect(recordNow()).toBe(false);
    await expectSame();
    await settle();
    await expectSame();
  });

  it("shows what a link leads to", async () => {
    writeFileSync(join(folder, "outside"), "one");
    symlinkSync(join(folder, "outside"), join(data, "link"));
    await settle();
    await expectSame();
    writeFileSync(join(folder, "outside"), "two");
    await expectSame();
    expect(lstatSync(join(data, "link")).isSymbolicLink()).toBe(true);
  });

  it("heeds rules that came and rules that went", async () => {
    const ignore: IgnorePredicate = { dir: (path) => path.endsWith("/deep"), file: (path) => path.endsWith("/z") };
    await expectSame(ignore);
    await settle();
    await expectSame(ignore);
    expect((await remembered(ignore)).meta.nfiles).toBe(4);
    await expectSame();
    expect((await remembered()).meta.nfiles).toBe(6);
  });

  it("asks for no name where no rule is in force, and leaves reserved names out all the same", async () => {
    let asked = 0;
    let hasRules = false;
    const ignore: IgnorePredicate = {
      isFree: () => !hasRules,
      dir: () => false,
      file: (path) => (asked++, path.endsWith("/.git") || (hasRules && path.endsWith("/z"))),
    };
    await remembered(ignore);
    await remembered(ignore);
    asked = 0;
    expect((await remembered(ignore)).meta.nfiles).toBe(6);
    expect(asked).toBe(hasFolderTimes(data) ? 0 : 6);
    hasRules = true;
    expect((await remembered(ignore)).meta.nfiles).toBe(5);
    hasRules = false;
    expect((await remembered(ignore)).meta.nfiles).toBe(6);
    // Recorded by somebody who left nothing out.
    for (const place of ["sub", "sub/deep"]) {
      writeFileSync(join(data, place, ".git"), "file");
      await settle();
      await remembered();
      expect((await remembered()).meta.nfiles).toBe(7);
      expect((await remembered(ignore)).meta.nfiles).toBe(6);
      rmSync(join(data, place, ".git"));
    }
  });

  it("never keeps the old hash of a file that was replaced while the folder was looked at", async () => {
    for (const place of ["a", "sub/b", "z"]) {
      writeFileSync(join(folder, "new"), `BYTES of ${place}`);
      let isReplaced = false;
      const ignore: IgnorePredicate = {
        dir: () => false,
        file: () => {
          if (!isReplaced) renameSync(join(folder, "new"), join(data, place));
          isReplaced = true;
          return false;
        },
      };
      await remembered(ignore);
      expect(isReplaced).toBe(true);
      await expectSame();
      await settle();
      await expectSame();
    }
  });

  it("records the size when files touched a moment ago change again", async () => {
    for (const text of ["longer than it was", "short"]) {
      writeFileSync(join(data, "a"), text);
      writeFileSync(join(data, "sub", "b"), `${text}, too`);
      await expectSame();
    }
    await settle();
    await expectSame();
  });

  it("reads a damaged record as none", async () => {
    const state = openState(join(folder, "state"));
    await build(data, { state });
    state.save();
    const records = join(folder, "state.folders.d");
    const [name = ""] = readdirSync(records);
    const bytes = readFileSync(join(records, name));
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(join(records, name), bytes);
    expect(openState(join(folder, "state")).folders.get(data, "md5")).toBeUndefined();
    writeFileSync(join(records, name), bytes.subarray(0, 80));
    expect(openState(join(folder, "state")).folders.get(data, "md5")).toBeUndefined();
    await expectSame();
  });
});

it("trusts nothing that was touched a moment ago", async () => {
  writeFileSync(join(data, "a"), "bytes of A");
  await remembered();
  const age = Date.now() - statSync(join(data, "a")).ctimeMs;
  // A machine slow enough to leave the clock's grain may have trusted it.
  expect(!recordNow() || age >= 20).toBe(true);
});
