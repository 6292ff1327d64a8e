import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Event } from "../base/events.ts";
import { tryFlock, tryPidFile } from "./fileLock.ts";
import { tryHardlink } from "./hardlinkLock.ts";
import { withoutRepoLock, withRepoLock } from "./locks.ts";
import { withPathLocks } from "./pathLocks.ts";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";
import type { Repo } from "./repo.ts";

let project: ProjectFixture;
let children: ChildProcess[];
beforeEach(() => {
  project = makeProject();
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  project.remove();
});

const open = (timeout: string): Repo => {
  const environment = project.environment();
  return project.open({}, { env: { ...environment.env, HOLDFAST_LOCK_TIMEOUT: timeout } });
};
const lockPath = (): string => join(project.root, ".dvc", "tmp", "lock");

/** Another process that holds the lock as DVC does, until its standard input ends. */
async function holder(): Promise<ChildProcess> {
  mkdirSync(join(project.root, ".dvc", "tmp"), { recursive: true });
  const child = spawn("sh", ["-c", 'exec 9<>"$0"; flock -x 9; echo " $$" >&9; echo held; read x', lockPath()], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return child;
}

describe("the repository's lock", () => {
  it("is an flock that others see, with our pid in it, and is gone afterwards", async () => {
    const repo = open("0");
    await withRepoLock(repo, {}, () => {
      expect(readFileSync(lockPath(), "utf8")).toBe(` ${String(process.pid)}\n`);
      expect(tryFlock(lockPath(), 1)).toBeUndefined();
    });
    const again = tryFlock(lockPath(), 1);
    expect(again).toBeDefined();
    again?.release();
  });

  it("is refused, not taken in another way, when no program can be started that takes it", async () => {
    const programs = process.getBuiltinModule("node:child_process");
    const { spawnSync } = programs;
    const tooMany = { code: "EMFILE", errno: -24, syscall: "spawnSync flock", path: "flock" };
    const failing = (): unknown => ({ status: null, signal: null, error: Object.assign(new Error("EMFILE"), tooMany) });
    programs.spawnSync = failing as typeof spawnSync;
    try {
      await expect(withRepoLock(open("0"), {}, () => 1)).rejects.toMatchObject({
        code: "lock",
        cause: { code: "EMFILE" },
      });
    } finally {
      programs.spawnSync = spawnSync;
    }
    expect(existsSync(`${lockPath()}.pid`)).toBe(false);
  });

  it("is given back when the work fails, and may be taken again inside", async () => {
    const repo = open("0");
    await expect(
      withRepoLock(repo, {}, () => withRepoLock(repo, {}, () => Promise.reject(new Error("work")))),
    ).rejects.toThrow("work");
    await expect(withRepoLock(repo, {}, () => 7)).resolves.toBe(7);
  });

  it("fails with DVC's text and names the holder", async () => {
    await holder();
    const events: Event[] = [];
    const call = withRepoLock(open("0.1"), { reporter: { emit: (event) => events.push(event) } }, () => 1);
    await expect(call).rejects.toMatchObject({
      code: "lock",
      message: expect.stringMatching(
        /^Unable to acquire lock\. Most likely another DVC process is running or was terminated abruptly\. /,
      ) as string,
      hint: expect.stringContaining(`process ${String(children[0]?.pid)} (sh -c`) as string,
    });
    expect(events).toMatchObject([
      { level: "warning", text: expect.stringContaining(`process ${String(children[0]?.pid)}`) as string },
    ]);
  });

  it("waits until the holder is done, writers and readers", async () => {
    for (const readOnly of [false, true]) {
      const child = await holder();
      const reporter = { emit: () => child.stdin?.end("\n") };
      await expect(withRepoLock(open("20"), { readOnly, reporter }, () => "done")).resolves.toBe("done");
    }
  });

  it("costs readers nothing and keeps them out of nobody's way when it is free", async () => {
    await withRepoLock(open("0"), { readOnly: true }, () => {
      expect(existsSync(lockPath())).toBe(false);
      return withRepoLock(open("0"), {}, () => undefined);
    });
  });

  it("can be lent out while a command runs, unless that ends at once", async () => {
    const repo = open("0");
    await withRepoLock(repo, {}, async () => {
      await withoutRepoLock(repo, {}, async () => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        const other = tryFlock(lockPath(), 1);
        expect(other).toBeDefined();
        other?.release();
      });
      expect(tryFlock(lockPath(), 1)).toBeUndefined();
      await withoutRepoLock(repo, {}, () => {
        expect(tryFlock(lockPath(), 1)).toBeUndefined();
      });
      expect(tryFlock(lockPath(), 1)).toBeUndefined();
    });
    expect(tryFlock(lockPath(), 1)).toBeDefined();
  });
});

describe("other kinds of locks", () => {
  it.each([
    ["pid file", tryPidFile],
    ["hard link", tryHardlink],
  ])("%s keeps others out until released", (_, take) => {
    const path = join(project.root, "some.lock");
    const first = take(path, process.pid);
    expect(first).toBeDefined();
    expect(take(path, process.pid)).toBeUndefined();
    first?.release();
    const second = take(path, process.pid);
    expect(second).toBeDefined();
    second?.release();
  });
});

describe("path locks", () => {
  const file = (): string => join(project.root, ".dvc", "tmp", "rwlock");
  const data = (): string => join(project.root, "data");
  const put = (value: unknown): void => {
    mkdirSync(join(project.root, ".dvc", "tmp"), { recursive: true });
    writeFileSync(file(), JSON.stringify(value));
  };

  it("are in the file while the work runs, in DVC's form", async () => {
    await withPathLocks(open("0"), { read: [join(project.root, "in")], write: [data()] }, {}, () => {
      const info = { pid: process.pid, cmd: "dvc" };
      expect(JSON.parse(readFileSync(file(), "utf8"))).toEqual({
        write: { [data()]: info },
        read: { [join(project.root, "in")]: [info] },
      });
    });
    expect(existsSync(file())).toBe(false);
  });

  it("refuse what a living process uses, also above and below it", async () => {
    put({ write: { [data()]: { pid: process.ppid, cmd: "dvc repro" } } });
    const call = withPathLocks(open("0"), { read: [], write: [join(data(), "sub")] }, {}, () => 1);
    await expect(call).rejects.toThrow(
      `'${join(data(), "sub")}' is busy, it is being blocked by:\n  (PID ${String(process.ppid)}): dvc repro\n`,
    );
    put({ read: { [data()]: [{ pid: process.ppid, cmd: "dvc repro" }] } });
    await expect(withPathLocks(open("0"), { read: [data()], write: [] }, {}, () => 1)).resolves.toBe(1);
  });

  it("drop what the dead left and refuse a broken file", async () => {
    put({ write: { [data()]: { pid: 2 ** 22 + 5, cmd: "dvc repro" } } });
    await expect(withPathLocks(open("0"), { read: [], write: [data()] }, {}, () => 1)).resolves.toBe(1);
    writeFileSync(file(), "");
    await expect(withPathLocks(open("0"), { read: [], write: [data()] }, {}, () => 1)).resolves.toBe(1);
    put({ write: [] });
    await expect(withPathLocks(open("0"), { read: [], write: [data()] }, {}, () => 1)).rejects.toThrow(
      "RWLock-file '.dvc/tmp/rwlock' format error.",
    );
    writeFileSync(file(), "{");
    await expect(withPathLocks(open("0"), { read: [], write: [data()] }, {}, () => 1)).rejects.toThrow(
      "JSON structure is corrupted",
    );
  });
});
