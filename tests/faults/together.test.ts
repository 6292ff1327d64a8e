import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tryFlock } from "../../packages/core/src/repo/fileLock.ts";
import { filesUnder, md5Of, objectsIn, ownEnvironment } from "../support/killing.ts";
import { type BesideOptions, type BesideRun, isFine, runBeside } from "../support/manyRuns.ts";
import { BINARY } from "../support/rig.ts";

/** Rounds of each process; more with `make test-long`. */
const LONG = process.env["HOLDFAST_LONG"] === "1";
const ROUNDS = LONG ? 30 : 2;
const PROCESSES = 8;

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "together-")));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Git reads repositories of others only when told that they are safe. */
const MAY_READ = {
  HOLDFAST_TRUST: "1",
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "safe.directory",
  GIT_CONFIG_VALUE_0: "*",
};

const environment = (): NodeJS.ProcessEnv => ({
  ...ownEnvironment(folder),
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "T",
  GIT_AUTHOR_EMAIL: "t@example.com",
  GIT_COMMITTER_NAME: "T",
  GIT_COMMITTER_EMAIL: "t@example.com",
});

/** A project in a Git repository, with the remote that all share. */
function project(name: string, ...lines: string[]): string {
  const root = join(folder, name);
  mkdirSync(root, { recursive: true });
  execFileSync("git", ["init", "-q"], { cwd: root, env: environment() });
  for (const line of ["init -q", `remote add -q -d store ${join(folder, "remote")}`, ...lines])
    execFileSync(process.execPath, [BINARY, ...line.split(" ")], { cwd: root, env: environment() });
  execFileSync("git", ["commit", "-q", "-a", "-m", "init"], { cwd: root, env: environment() });
  return root;
}

/** Replaces the files of a folder; half of the contents are those of other folders too. */
function write(root: string, version: number): void {
  for (let nth = 0; nth < 20; nth++) {
    const path = join(root, `sub${String(nth % 3)}`, `file${String(nth)}`);
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    writeFileSync(
      path,
      nth % 2 === 0 ? `shared ${String(nth)} ${String(version)}\n` : `${root} ${String(nth)} ${String(version)}\n`,
    );
  }
}

/** A shared folder that all of a group may write to, and a way for other users to all that is here. */
function groupCache(): string {
  const cache = join(folder, "shared");
  chmodSync(folder, 0o777);
  mkdirSync(cache);
  execFileSync("chgrp", ["3000", cache]);
  chmodSync(cache, 0o2775);
  return cache;
}

function contents(path: string): Record<string, string> {
  return Object.fromEntries(filesUnder(path).map((file) => [file.slice(path.length), md5Of(file)]));
}

/** Runs several lists of command lines, each list in its own order, all at once. */
async function all(
  lists: readonly (readonly string[])[],
  options: (nth: number) => BesideOptions,
): Promise<BesideRun[]> {
  const runs = lists.map(async (lines, nth) => {
    const ended: BesideRun[] = [];
    for (const line of lines) ended.push(await runBeside(line, options(nth)));
    return ended;
  });
  return (await Promise.all(runs)).flat();
}

function expectFine(runs: readonly BesideRun[]): void {
  expect(runs.filter((run) => !isFine(run) || /unexpected error|^ {4}at /m.test(run.said))).toEqual([]);
}

/** What each process does in a round; all on its own data, or on what is everybody's. */
const others = [
  (own: string) => [`add ${own}`, "push"],
  (own: string) => [`add ${own}`, "status", `checkout ${own}`],
  (own: string) => [`commit -f ${own}`, "gc -w -f", "diff"],
  (own: string) => [`add ${own}`, "data status", `push ${own}`, "status -c"],
  (own: string) => [`add ${own}`, `fetch ${own}`, "list -R .", `pull ${own}`],
  (own: string) => ["gc -w -f", `add ${own}`, "fsck --allow-missing"],
  (own: string) => [`add ${own}`, `unprotect ${own}`, "undo --list", "dag"],
  (own: string) => [`add ${own}`, "push -A", "gc -A -f"],
];

describe("many at once: every one ends well or names the lock, no object is wrong, no byte is lost", () => {
  it(
    "eight processes with commands of all kinds on one repository",
    { timeout: LONG ? 3_600_000 : 600_000 },
    async () => {
      const root = project("one");
      const owns = Array.from({ length: PROCESSES }, (_, nth) => `data${String(nth)}`);
      for (const own of owns) write(join(root, own), 0);
      execFileSync(process.execPath, [BINARY, "add", "-q", ...owns], { cwd: root, env: environment() });
      for (let round = 1; round <= ROUNDS; round++) {
        for (const own of owns) write(join(root, own), round);
        const before = owns.map((own) => contents(join(root, own)));
        const lists = owns.map((own, nth) => others[(nth + round) % others.length]?.(own) ?? []);
        expectFine(await all(lists, () => ({ cwd: root, env: environment() })));
        expect(owns.map((own) => contents(join(root, own)))).toEqual(before);
        for (const store of [join(root, ".dvc/cache"), join(folder, "remote")]) objectsIn(store);
        for (const line of ["status -q", "push", "fsck -r store"])
          expect(await runBeside(line, { cwd: root, env: environment() })).toMatchObject({ code: 0 });
      }
    },
  );

  it(
    "two repositories on one shared cache, with add and gc in both",
    { timeout: LONG ? 3_600_000 : 600_000 },
    async () => {
      const cache = join(folder, "shared");
      const roots = ["first", "second"].map((name) => project(name, `cache dir ${cache}`, "config cache.type symlink"));
      for (let round = 1; round <= ROUNDS; round++) {
        for (const root of roots) write(join(root, "data"), round);
        const before = roots.map((root) => contents(join(root, "data")));
        const lists = [...roots, ...roots].map((_, nth) =>
          nth < 2 ? ["add data", "status", "checkout --relink"] : ["gc -w -f", "gc -w -f", "gc -w -f"],
        );
        expectFine(await all(lists, (nth) => ({ cwd: roots[nth % 2] ?? "", env: environment() })));
        objectsIn(cache);
        expect(roots.map((root) => contents(join(root, "data")))).toEqual(before);
        for (const cwd of roots)
          for (const line of ["status -q", "fsck"])
            expect(await runBeside(line, { cwd, env: environment() })).toMatchObject({
              code: 0,
              said: expect.anything() as string,
            });
      }
    },
  );

  const become = (uid: number): string[] => ["setpriv", `--reuid=${String(uid)}`, "--regid=3000", "--clear-groups"];
  // It needs root, and another user to become who may read the program.
  const canSwitch =
    process.getuid?.() === 0 &&
    spawnSync("setpriv", [...become(3001).slice(1), process.execPath, BINARY, "--version"]).status === 0;

  it.runIf(canSwitch)("gc waits for another user's work, whose lock file it may only read", async () => {
    const cache = groupCache();
    const [first = "", second = ""] = ["first", "second"].map((name) =>
      project(name, `cache dir ${cache}`, "config cache.shared group"),
    );
    for (const [nth, root] of [first, second].entries()) {
      write(join(root, "data"), 1);
      execFileSync("chown", ["-R", `${String(3001 + nth)}:3000`, root]);
    }
    const as = (nth: number): BesideOptions => ({
      cwd: [first, second][nth] ?? "",
      program: [...become(3001 + nth), "sh", "-c", `umask 022; exec "$0" "$@"`, process.execPath, BINARY],
      env: {
        ...environment(),
        ...ownEnvironment(join(folder, `home${String(nth)}`)),
        ...MAY_READ,
        HOLDFAST_LOCK_TIMEOUT: "0",
      },
    });
    for (const nth of [0, 1]) {
      mkdirSync(join(folder, `home${String(nth)}`));
      execFileSync("chown", ["-R", `${String(3001 + nth)}:3000`, join(folder, `home${String(nth)}`)]);
      expect(await runBeside("add data", as(nth))).toMatchObject({ code: 0 });
    }
    const lock = join(first, ".dvc", "tmp", "lock");
    const [text, { mode }] = [readFileSync(lock, "utf8"), statSync(lock)];
    expect(mode & 0o777).toBe(0o644);
    const held = tryFlock(lock, process.pid);
    expect(await runBeside("gc -w -f", as(1))).toMatchObject({
      code: 255,
      said: expect.stringContaining("Unable to acquire lock") as string,
    });
    held?.release();
    writeFileSync(lock, text);
    expect(await runBeside("gc -w -f", as(1))).toMatchObject({ code: 0 });
    expect(readFileSync(lock, "utf8")).toBe(text);
  });

  it.runIf(LONG && canSwitch)(
    "two users with different umask on one cache that is shared by a group",
    { timeout: LONG ? 3_600_000 : 600_000 },
    async () => {
      const cache = groupCache();
      const users = [
        { uid: 3001, umask: "0022" },
        { uid: 3002, umask: "0077" },
      ].map(({ uid, umask }) => {
        const root = project(`user${String(uid)}`, `cache dir ${cache}`, "config cache.shared group");
        const home = join(folder, `home${String(uid)}`);
        mkdirSync(home);
        write(join(root, "data"), 1);
        execFileSync("chown", ["-R", `${String(uid)}:3000`, root, home]);
        const program = [...become(uid), "sh", "-c", `umask ${umask}; exec "$0" "$@"`, process.execPath, BINARY];
        return { cwd: root, program, env: { ...environment(), ...ownEnvironment(home), ...MAY_READ } };
      });
      const [first, second] = users;
      if (first === undefined || second === undefined) return;
      expectFine(await all([["add data"], ["add data"]], (nth) => users[nth] ?? first));
      for (const { cwd } of users) write(join(cwd, "data"), 2);
      for (const [nth, { cwd }] of users.entries()) execFileSync("chown", ["-R", `${String(3001 + nth)}:3000`, cwd]);
      const lists = [
        ["add data", "status"],
        ["status", "add data", "gc -w -f"],
      ];
      expectFine(await all(lists, (nth) => users[nth] ?? first));
      for (const options of users)
        for (const line of ["status -q", "fsck"]) expect(await runBeside(line, options)).toMatchObject({ code: 0 });
      // What the second user's umask hides from the first may need anything: nothing goes.
      const { code, said } = await runBeside("gc -w -f", first);
      expect([code, said]).toEqual([255, expect.stringMatching(/Failed to collect project[^]*Nothing was removed/)]);
      expect(objectsIn(cache).size).toBeGreaterThan(20);
    },
  );
});
