import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { isLeftover, processAlive, TEMPORARY_NAME, temporaryPath, writeFileAtomic } from "./atomic.ts";
import { temporaryFolder } from "../../../../tests/support/temporaryFolder.ts";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("atomic-");
});

describe("writeFileAtomic", () => {
  it("creates, replaces, keeps the mode and leaves nothing behind", () => {
    const path = join(folder, "a.dvc");
    writeFileAtomic(path, "one");
    expect(readFileSync(path, "utf8")).toBe("one");
    chmodSync(path, 0o640);
    writeFileAtomic(path, Buffer.from("two"));
    expect(readFileSync(path, "utf8")).toBe("two");
    expect(statSync(path).mode & 0o777).toBe(0o640);
    writeFileAtomic(path, "", { mode: 0o600 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["a.dvc"]);
  });

  it("removes what killed runs left of the file, and nothing else", () => {
    const mine = `.a.dvc.${String(process.pid)}-abc.hftmp`;
    for (const name of [".a.dvc.999999999-abc.hftmp", ".b.dvc.999999999-abc.hftmp", mine, ".a.dvc.999999999-abc.tmp"])
      writeFileSync(join(folder, name), "half");
    for (let turn = 0; turn < 2; turn++) writeFileAtomic(join(folder, "a.dvc"), "one", { inside: folder });
    expect(readdirSync(folder).sort()).toEqual(
      [".a.dvc.999999999-abc.tmp", mine, ".b.dvc.999999999-abc.hftmp", "a.dvc"].sort(),
    );
    writeFileAtomic(join(folder, "b.dvc"), "two", { inside: folder });
    expect(readdirSync(folder)).not.toContain(".b.dvc.999999999-abc.hftmp");
  });

  it("follows a symlink instead of replacing it", () => {
    writeFileSync(join(folder, "real"), "old");
    symlinkSync("real", join(folder, "link"));
    writeFileAtomic(join(folder, "link"), "new");
    expect(readFileSync(join(folder, "real"), "utf8")).toBe("new");
  });

  it("leaves the old file and no temporary one when the write fails", () => {
    const path = join(folder, "dir");
    writeFileAtomic(join(path, "x"), "1", { parents: true });
    expect(() => {
      writeFileAtomic(path, "over a folder");
    }).toThrow();
    expect(readdirSync(folder)).toEqual(["dir"]);
  });
});

describe("temporary names", () => {
  it("are recognised with their pid, also for names at the length limit", () => {
    for (const name of ["data.csv", "x".repeat(250), "ü".repeat(120), "with\nnewline"]) {
      const made = basename(temporaryPath(join(folder, name)));
      expect(Buffer.byteLength(made)).toBeLessThan(256);
      expect(TEMPORARY_NAME.exec(made)?.[2]).toBe(String(process.pid));
    }
    expect(temporaryPath("/a/b")).not.toBe(temporaryPath("/a/b"));
  });

  it("are leftovers only when their process is gone", () => {
    expect(isLeftover(".x.77-abc.hftmp", () => false)).toBe(true);
    expect(isLeftover(".x.77-abc.hftmp", () => true)).toBe(false);
    expect(isLeftover("x.77-abc.tmp", () => false)).toBe(false);
  });
});

it.runIf(process.platform === "linux")("a process that ended and was never waited for runs no more", async () => {
  // `cat` takes the place of the shell and knows nothing of its child, which ends only then.
  const script = 'while [ "$(cat /proc/$$/comm)" = sh ]; do :; done & echo $!; exec cat';
  const parent = spawn("sh", ["-c", script], { stdio: ["pipe", "pipe", "ignore"] });
  const [said] = (await once(parent.stdout, "data")) as [Buffer];
  const child = Number(said.toString("utf8"));
  const state = (): string =>
    readFileSync(`/proc/${String(child)}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .slice(0, 1);
  await vi.waitUntil(() => state() === "Z", { timeout: 10_000, interval: 5 });
  expect(processAlive(child)).toBe(false);
  expect(processAlive(parent.pid ?? 0)).toBe(true);
  parent.stdin.end();
  await once(parent, "exit");
});
