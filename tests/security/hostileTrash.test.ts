import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Rig } from "../support/rig.ts";

/** What somebody may commit below `.dvc/tmp`, where the trash and the journal of `undo` lie. */
let rig: Rig;
let outside: string;
beforeEach(() => {
  rig = new Rig().project();
  outside = mkdtempSync(join(tmpdir(), "outside-"));
  rig.write("data", "one");
  rig.ok("add", "-q", "data");
});
afterEach(() => {
  rig.close();
  rmSync(outside, { recursive: true });
});

const OLD = "20200101000000000-1";
const OID = "0123456789abcdef0123456789abcdef";

/** A file of the user, outside of the project. */
function precious(path: string): string {
  const at = join(outside, path);
  mkdirSync(join(at, ".."), { recursive: true });
  writeFileSync(at, "precious");
  return at;
}

function link(target: string, path: string): void {
  mkdirSync(join(rig.path(path), ".."), { recursive: true });
  symlinkSync(target, rig.path(path));
}

describe("a bin of the trash that leads out of the project", () => {
  it("is never emptied, as a whole or in part", () => {
    const files = [precious("letter"), precious("objects/more"), precious(`store/${OID.slice(0, 2)}/${OID.slice(2)}`)];
    link(outside, `.dvc/tmp/trash/${OLD}`);
    link(outside, `.dvc/tmp/trash/${OLD}-1/objects`);
    link(join(outside, "store"), `.dvc/tmp/trash/${OLD}-2/objects/3.x`);
    rig.ok("gc", "-w", "-f");
    rig.ok("gc", "--purge", "-w", "-f");
    for (const file of files) expect(readFileSync(file, "utf8")).toBe("precious");
  });

  it("gives nothing to the cache", () => {
    const file = precious("folder/letter");
    link(outside, `.dvc/tmp/trash/${OLD}/objects/3.x`);
    expect(rig.run(["gc", "--undo"]).code).not.toBe(0);
    expect(existsSync(file)).toBe(true);
  });

  it("is no bin when the trash itself lies elsewhere", () => {
    const file = precious(`${OLD}/files/letter`);
    rmSync(rig.path(".dvc/tmp/trash"), { recursive: true, force: true });
    link(outside, ".dvc/tmp/trash");
    rig.ok("gc", "--purge", "-w", "-f");
    expect(existsSync(file)).toBe(true);
  });
});

describe("a journal that somebody else wrote", () => {
  const journal = (...steps: object[]): void => {
    const lines = [{ format: 2, verb: "add", at: 1 }, ...steps].map((line) => JSON.stringify(line));
    rig.write(".dvc/tmp/journal/99991231235959999-1.jsonl", `${lines.join("\n")}\n`);
  };

  it("brings nothing in from outside", () => {
    const file = precious("letter");
    const path = rig.path("got");
    const refused = (at: string): void => {
      journal({ kind: "kept", path, at });
      const { code, err } = rig.run(["undo"]);
      expect([code, err]).toEqual([255, expect.stringContaining("refusing to write")]);
    };
    mkdirSync(rig.path(".dvc/tmp/trash"));
    refused(`${rig.path(".dvc/tmp/trash")}${"/..".repeat(16)}${file}`);
    link(outside, ".dvc/tmp/trash/link");
    refused(rig.path(".dvc/tmp/trash/link/letter"));
    rmSync(rig.path(".dvc/tmp/trash"), { recursive: true });
    link(outside, ".dvc/tmp/trash");
    refused(rig.path(".dvc/tmp/trash/letter"));
    expect(readdirSync(outside)).toEqual(["letter"]);
    expect(existsSync(path)).toBe(false);
  });

  it("writes nothing into .git and .dvc, nor outside", () => {
    for (const path of [rig.path(".git/info/attributes"), rig.path(".dvc/config.local"), join(outside, "new")]) {
      journal({ kind: "text", path, before: "mine", left: null });
      expect(rig.run(["undo"]).err).toContain("refusing to write");
      expect(existsSync(path)).toBe(false);
    }
  });
});
