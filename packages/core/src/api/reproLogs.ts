import { closeSync, lstatSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { Repo } from "../repo/repo.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** How many runs keep their logs. */
const KEPT_RUNS = 10;
/** Bytes; what a stage prints beyond that is not logged. */
const MAX_LOG = 64 * 1024 * 1024;

/** What the stages of one run printed, a file for each: `.dvc/tmp/repro/<time>-<pid>/<number>-<stage>.log`. */
export class ReproLogs {
  readonly #folder: OsPath;
  readonly #files = new Map<string, { readonly fd: number; left: number }>();

  /** Makes room for a new run: of the earlier ones the last few stay. @throws {DvcError} when a link is in the way. */
  constructor(repo: Repo, now: Date = new Date()) {
    const all = join(repo.tmpDir, "repro");
    for (const folder of [repo.tmpDir, all]) {
      makeFolders(folder);
      if (!lstatSync(folder).isDirectory()) throw new DvcError(`'${folder}' is not a folder`, { code: "io" });
    }
    const old = readdirSync(all)
      .filter((name) => /^\d{8}T\d{9}Z-\d+$/.test(name))
      .sort();
    for (const name of old.slice(0, Math.max(0, old.length - KEPT_RUNS + 1))) {
      rmSync(join(all, name), { recursive: true, force: true });
    }
    const time = now.toISOString().replace(/[-:.]/g, "");
    this.#folder = join(all, `${time}-${String(repo.env.pid)}`);
    makeFolders(this.#folder);
  }

  get folder(): OsPath {
    return this.#folder;
  }

  /** Adds a line to the log of a stage. */
  write(stage: string, line: string): void {
    const log = this.#files.get(stage) ?? this.#open(stage);
    if (log.left <= 0) return;
    const bytes = Buffer.from(`${line}\n`);
    log.left -= bytes.length;
    try {
      writeSync(log.fd, log.left > 0 ? bytes : Buffer.from("[the rest is not logged]\n"));
    } catch {
      log.left = 0; // a full disk must not end the run
    }
  }

  close(): void {
    for (const { fd } of this.#files.values()) closeSync(fd);
    this.#files.clear();
  }

  #open(stage: string): { readonly fd: number; left: number } {
    const name = stage.replace(/[^\w.@-]+/g, "_").slice(0, 100);
    const number = String(this.#files.size + 1).padStart(3, "0");
    const log = { fd: openSync(join(this.#folder, `${number}-${name}.log`), "a"), left: MAX_LOG };
    this.#files.set(stage, log);
    return log;
  }
}
