import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Environment } from "../base/platform.ts";
import { Git } from "./git.ts";
import { filesOfCommit } from "./gitHistory.ts";
import { GitObjects } from "./gitObjects.ts";
import { findGitLayout, type GitLayout } from "./gitRefs.ts";

let root: string;

const run = (args: string[], input?: string): string =>
  execFileSync("git", ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "tag.gpgsign=false", ...args], {
    cwd: root,
    encoding: "latin1",
    ...(input === undefined ? {} : { input }),
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    maxBuffer: 1 << 28,
  });
const git = (...args: string[]): string => run(args).trim();

const layoutOf = (): GitLayout => {
  const layout = findGitLayout(root);
  if (layout === undefined) throw new Error("no repository");
  return layout;
};

const open = (): Git => {
  const environment: Environment = { cwd: root, env: process.env, home: homedir(), programName: "holdfast", pid: 1 };
  return new Git(layoutOf(), environment);
};

/** A history with long and short files, deep folders, odd names, a link, an executable, deltas in chains. */
const history = (): void => {
  let long = Array.from({ length: 3000 }, (_, line) => `line ${String(line)} ${String((line * 7919) % 1013)}`).join(
    "\n",
  );
  for (let round = 0; round < 8; round++) {
    long = long.replace(`line ${String(round * 100)} `, `changed in ${String(round)} `);
    writeFileSync(join(root, "long.txt"), long);
    writeFileSync(join(root, "empty"), "");
    mkdirSync(join(root, "a.b", "deep er", String(round)), { recursive: true });
    writeFileSync(join(root, "a.b", "deep er", String(round), "ü x.dvc"), `${String(round)}\n`);
    writeFileSync(join(root, "a"), `${long.slice(0, 2000)}${String(round)}`);
    git("add", "-A");
    git("commit", "-q", "-m", `round ${String(round)}`);
  }
  git("tag", "light");
  git("tag", "-a", "-m", "a tag", "heavy", "HEAD~1");
  git("branch", "side", "HEAD~3");
  git("checkout", "-q", "side");
  writeFileSync(join(root, "side"), "side");
  git("add", "-A");
  git("commit", "-q", "-m", "side");
  git("checkout", "-q", "main");
  git("merge", "-q", "--no-edit", "side");
};

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "hf-objects-")));
  git("init", "-q", "-b", "main");
  history();
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const PACKING: Record<string, () => void> = {
  loose: () => undefined,
  "packed with offsets": () => git("repack", "-q", "-a", "-d", "-f", "--depth=40", "--window=50"),
  "packed with ids": () => {
    git("-c", "repack.useDeltaBaseOffset=false", "repack", "-q", "-a", "-d", "-f", "--depth=40", "--window=50");
    git("pack-refs", "--all");
  },
  "several packs": () => {
    git("repack", "-q", "-d");
    writeFileSync(join(root, "more"), "more");
    git("add", "-A");
    git("commit", "-q", "-m", "more");
    git("repack", "-q", "-d");
  },
};

describe.each(Object.keys(PACKING))("objects, %s", (packing) => {
  beforeEach(() => PACKING[packing]?.());

  it("are those that Git reads, each one", () => {
    const ids = git("cat-file", "--batch-all-objects", "--batch-check").split("\n");
    expect(ids.length).toBeGreaterThan(40);
    new GitObjects(layoutOf()).reading((objects) => {
      for (const line of ids) {
        const [id = "", type = "", size] = line.split(" ");
        const object = objects.read(id);
        expect(object?.type, line).toBe(type);
        expect(object?.data.length, line).toBe(Number(size));
        expect(object?.data.equals(Buffer.from(run(["cat-file", type, id]), "latin1")), line).toBe(true);
      }
    });
  });

  it("name the files of a commit, in Git's order", () => {
    const head = git("rev-parse", "HEAD");
    const files = new GitObjects(layoutOf()).reading((objects) => filesOfCommit(objects, head));
    const listed = run(["-c", "core.quotePath=false", "ls-tree", "-r", "-z", head]).split("\0").slice(0, -1);
    expect(
      [...(files ?? [])].map(([path, { mode, sha }]) => `${mode} blob ${sha}\t${Buffer.from(path).toString("latin1")}`),
    ).toEqual(listed);
  });

  it("lead to the commits that revisions name", () => {
    const repository = open();
    const sha = git("rev-parse", "HEAD~2");
    const merge = git("rev-list", "--merges", "-1", "HEAD");
    git("tag", "merge", merge);
    const there = [
      "HEAD",
      "main",
      "light",
      "heavy",
      "HEAD~1",
      "HEAD^",
      "merge^2",
      "merge^2~1^1",
      "heavy~2",
      sha,
      "HEAD^0",
    ];
    for (const rev of there) expect(repository.resolveRev(rev), rev).toBe(git("rev-parse", `${rev}^{commit}`));
    for (const rev of ["HEAD~100", "HEAD^3", "nothing", "0".repeat(40), "heavy^2"])
      expect(() => repository.resolveRev(rev), rev).toThrow("unknown Git revision");
  });
});

describe("what is left to Git", () => {
  it("a damaged object", () => {
    const id = git("rev-parse", "HEAD:long.txt");
    const path = join(root, ".git", "objects", id.slice(0, 2), id.slice(2));
    const bytes = readFileSync(path);
    rmSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 20));
    new GitObjects(layoutOf()).reading((objects) => {
      expect(objects.read(id)).toBeUndefined();
    });
  });

  it("a replaced object", () => {
    const id = git("rev-parse", "HEAD:side");
    const other = run(["hash-object", "-w", "--stdin"], "other").trim();
    git("replace", id, other);
    expect(open().read("HEAD", "side")?.toString()).toBe("other");
  });

  it("an object borrowed from another repository", () => {
    const borrower = `${root}-borrower`;
    git("clone", "-q", "--shared", root, borrower);
    const from = root;
    root = borrower;
    try {
      expect(open().read("HEAD", "side")?.toString()).toBe("side");
    } finally {
      root = from;
      rmSync(borrower, { recursive: true, force: true });
    }
  });

  it("an index of another version", () => {
    git("-c", "pack.indexVersion=1", "repack", "-q", "-a", "-d", "-f");
    expect(readdirSync(join(root, ".git", "objects", "pack")).some((name) => name.endsWith(".idx"))).toBe(true);
    expect(open().read("HEAD", "side")?.toString()).toBe("side");
  });
});
