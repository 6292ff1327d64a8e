import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ownEnvironment } from "./killing.ts";
import { BINARY } from "./rig.ts";

const LAYER = join(dirname(fileURLToPath(import.meta.url)), "faultLayer.cjs");

/** What goes wrong, and when. Steps count from 1; each changes a disk, or flushes it. */
export interface Fault {
  /**
   * `kill`: SIGKILL before step `at`. `half`: in the first write from there on, once half of it is written. `error`: step `at`
   * (or the first after it that can) fails with `code`; a full or read-only disk stays so. `power`: as `kill`, and what was not
   * flushed is gone. `signal`: it gets `signal` before step `at`. `swap`: before step `at` the folder `path` gets another name,
   * and a link to `target` its place. `look`: look `at` at a file or folder (of `path`, if given) fails, counted on its own. `count`: nothing.
   */
  readonly kind: "count" | "kill" | "half" | "error" | "power" | "signal" | "swap" | "look";
  readonly at: number;
  readonly code?: "ENOSPC" | "EIO" | "EACCES" | "EMFILE" | "EROFS" | "EXDEV";
  readonly signal?: "SIGINT" | "SIGTERM";
  readonly path?: string;
  readonly target?: string;
  /** With `power`: names that were given since the last flush are lost too; else only contents. */
  readonly undo?: boolean;
}

/** How a run with a fault ended. */
export interface Faulty {
  readonly killed: boolean;
  /** The signal that ended it. */
  readonly by: NodeJS.Signals | null;
  /** Whether the error happened. */
  readonly failed: boolean;
  /** Whether a folder was swapped for a link. */
  readonly swapped: boolean;
  readonly code: number | null;
  readonly err: string;
  /** `STEP "PATH"`, in order. */
  readonly steps: readonly string[];
  /** How many looks there were at files and folders. */
  readonly looks: number;
}

/** Where a shared memory file system is, flushes cost nothing. */
function quickFolder(): string {
  return existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
}

/** A folder that holds all that a run can see (project, remote, home), and can be set back to how it was. */
export class Sandbox {
  readonly root: string;
  readonly project: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #folder: string;

  constructor() {
    this.#folder = realpathSync(mkdtempSync(join(quickFolder(), "holdfast-fault-")));
    this.root = join(this.#folder, "all");
    this.project = join(this.root, "project");
    mkdirSync(this.project, { recursive: true });
    this.env = {
      ...ownEnvironment(this.root),
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "T",
      GIT_AUTHOR_EMAIL: "t@example.com",
      GIT_COMMITTER_NAME: "T",
      GIT_COMMITTER_EMAIL: "t@example.com",
      // A commit that is made again is the same one.
      GIT_AUTHOR_DATE: "2026-01-02T03:04:05Z",
      GIT_COMMITTER_DATE: "2026-01-02T03:04:05Z",
    };
  }

  /** Runs a shell script in the project, with `holdfast` as a command of it. @throws when it fails */
  script(text: string): void {
    const program = `holdfast() { '${process.execPath}' '${BINARY}' "$@"; }\nset -e\n${text}`;
    const ran = spawnSync("sh", ["-c", program], { cwd: this.project, env: this.env, encoding: "utf8" });
    if (ran.status !== 0) throw new Error(`${text}\n${ran.stdout}${ran.stderr}`);
  }

  /** Runs the program without a fault. */
  run(args: readonly string[]): { readonly code: number | null; readonly said: string } {
    const ran = spawnSync(process.execPath, [BINARY, ...args], { cwd: this.project, env: this.env, encoding: "utf8" });
    return { code: ran.status, said: ran.stdout + ran.stderr };
  }

  /** Notes how everything is. */
  keep(): void {
    copyTree(this.root, join(this.#folder, "kept"));
  }

  /** Makes everything as it was noted. */
  reset(): void {
    copyTree(join(this.#folder, "kept"), this.root);
  }

  /** Runs the program with a fault; after `power` the tree is what a disk would hold. */
  async faulty(args: readonly string[], fault: Fault): Promise<Faulty> {
    const log = join(this.#folder, "log");
    const shadow = join(this.#folder, "shadow");
    for (const path of [log, `${log}.kept`, shadow]) rmSync(path, { recursive: true, force: true });
    const HOLDFAST_FAULT = JSON.stringify({ ...fault, log, shadow, root: this.root });
    const child = spawn(process.execPath, ["--require", LAYER, BINARY, ...args], {
      cwd: this.project,
      env: { ...this.env, HOLDFAST_FAULT },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let err = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done) => {
      child.once("close", (...how) => {
        done(how);
      });
    });
    const lines = readFileSync(log, "utf8").split("\n");
    const killed = signal === "SIGKILL";
    if (killed && fault.kind === "power") this.#losePower(fault.undo === true, log, shadow);
    const steps = lines.filter((line) => /^\d/.test(line)).map((line) => line.replace(/^\d+ /, ""));
    return {
      killed,
      by: signal,
      failed: lines.some((line) => line.startsWith("failed")),
      looks: Number(lines.findLast((line) => line.startsWith("looks "))?.slice(6) ?? 0),
      swapped: lines.includes("swapped"),
      code,
      err,
      steps,
    };
  }

  #losePower(undo: boolean, log: string, shadow: string): void {
    if (undo) {
      copyTree(shadow, this.root);
      loseUnflushed(this.root, readFileSync(`${log}.kept`, "utf8"), readFileSync(`${log}.files`, "utf8"));
      return;
    }
    const found = spawnSync("find", [this.root, "-type", "f", "-printf", "%D:%i %P\\n"], { encoding: "utf8" });
    loseUnflushed(this.root, readFileSync(log, "utf8"), found.stdout);
  }

  /** Deletes everything. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function copyTree(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  const ran = spawnSync("cp", ["-a", from, to], { encoding: "utf8" });
  if (ran.status !== 0) throw new Error(ran.stderr);
}

/** Empties the files whose contents were never flushed, and cuts off what was appended since the last flush. `files`: lines of `DEVICE:INODE PATH`. */
function loseUnflushed(root: string, log: string, files: string): void {
  /** How much of each is safe, in bytes; undefined: all. */
  const safe = new Map<string, number>();
  const sizes = new Map<string, number>();
  for (const line of log.split("\n")) {
    const [word, what = "", size] = line.split(" ");
    if (word === "dirty") safe.set(what, 0);
    else if (word === "grown") safe.set(what, safe.get(what) ?? sizes.get(what) ?? 0);
    // What stood in it before this run was on the disk.
    else if (word === "had") {
      if (!safe.has(what) && !sizes.has(what)) sizes.set(what, Number(size));
    } else if (word === "clean" && what === "all") safe.clear();
    else if (word === "clean") safe.delete(what);
    if (word === "clean" && size !== undefined) sizes.set(what, Number(size));
  }
  for (const line of files.split("\n")) {
    const at = line.indexOf(" ");
    const path = join(root, line.slice(at + 1));
    const size = safe.get(line.slice(0, at));
    if (size === undefined || !existsSync(path)) continue;
    chmodSync(path, 0o644);
    truncateSync(path, size);
  }
}
