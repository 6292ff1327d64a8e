import { randomBytes } from "node:crypto";
import { DvcError, type ErrorCode, isNotFound, StorageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import type { AccessFacts, FileSystem } from "./filesystem.ts";
import { md5Hex } from "./fileHash.ts";
import { measureSpeed, type ProbeSpeed } from "./probeSpeed.ts";

const NAMES = ["credentials", "list", "write", "stat", "read", "range", "find", "remove"] as const;
/** What is tried, in this order. */
export type ProbeName = (typeof NAMES)[number];

/** A failure in words. */
export interface ProbeProblem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/** One trial. `skipped`: the storage can't, or an earlier failure leaves nothing to try it on. */
export interface ProbeStep {
  readonly name: ProbeName;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly ms: number;
  /** What was found, or why it was skipped. */
  readonly note?: string;
  readonly problem?: ProbeProblem;
}

/** What {@link probeStorage} found out. */
export interface ProbeReport {
  readonly steps: readonly ProbeStep[];
  readonly access?: AccessFacts;
  readonly speed?: ProbeSpeed;
  /** Probe objects that could not be removed again, as URLs. */
  readonly left: readonly string[];
}

/** How to probe. */
export interface ProbeOptions extends CallOptions {
  /** Bytes of the large object; 0 measures no speeds. */
  readonly size: number;
  /** Nothing is written. */
  readonly readOnly?: boolean;
}

/** Why a trial was skipped that could not pass any more. */
export const AFTER_FAILURE = "after the failure above";
const PROBE_BYTES = 1000;
/** A write that failed so left nothing. */
const REFUSED: ReadonlySet<ErrorCode> = new Set(["auth", "config", "unsupported", "not-found"]);
/** After such failures nothing else can pass. */
const HOPELESS: ReadonlySet<ErrorCode> = new Set(["config", "unsupported", "aborted"]);

/**
 * Tries everything that transfers need of a storage, on objects of its own below `root` (`.holdfast-probe-…`), which it
 * removes again. Failures of the storage are results, not errors. @throws only when aborted.
 */
export async function probeStorage(fs: FileSystem, root: string, options: ProbeOptions): Promise<ProbeReport> {
  const probe = new Probe(fs, root, options);
  try {
    await probe.run();
  } finally {
    await probe.clear();
  }
  return probe.report();
}

/** The trials where not even the options of the storage could be used. */
export function unopened(error: DvcError): readonly ProbeStep[] {
  return NAMES.map((name) =>
    name === "credentials"
      ? { name, outcome: "failed", ms: 0, problem: problemOf(error) }
      : { name, outcome: "skipped", ms: 0, note: AFTER_FAILURE },
  );
}

class Probe {
  readonly #fs: FileSystem;
  readonly #root: string;
  readonly #options: ProbeOptions;
  readonly #name: string = `.holdfast-probe-${randomBytes(6).toString("hex")}`;
  readonly #steps: ProbeStep[] = [];
  readonly #written: Set<string> = new Set<string>();
  readonly #left: string[] = [];
  readonly #bytes: Buffer = randomBytes(PROBE_BYTES);
  #access: AccessFacts | undefined;
  #speed: ProbeSpeed | undefined;
  #hopeless = false;

  constructor(fs: FileSystem, root: string, options: ProbeOptions) {
    this.#fs = fs;
    this.#root = root.length > 1 ? root.replace(/\/+$/, "") : root;
    this.#options = options;
  }

  report(): ProbeReport {
    return {
      steps: this.#steps,
      ...(this.#access === undefined ? {} : { access: this.#access }),
      ...(this.#speed === undefined ? {} : { speed: this.#speed }),
      left: this.#left,
    };
  }

  async run(): Promise<void> {
    const fs = this.#fs;
    const path = this.#path("object");
    await this.#try("credentials", async () => {
      this.#access = await fs.access?.();
      return this.#access?.credentials ?? "nothing to look for";
    });
    await this.#try("list", () => this.#list());
    const mayWrite = this.#options.readOnly === true ? "not asked to write" : undefined;
    const isWritten = await this.#try("write", () => this.#write(path), mayWrite);
    const needs = isWritten ? undefined : "there is no object of ours to try it on";
    await this.#try("stat", () => this.#stat(path), needs);
    const isRead = await this.#try("read", () => this.#read(path), needs);
    await this.#try(
      "range",
      () => this.#range(path),
      needs ?? (fs.caps.ranges ? undefined : "the storage has no ranges"),
    );
    await this.#try(
      "find",
      () => this.#find(path),
      needs ?? (fs.caps.listPage > 0 ? undefined : "the storage has no listing"),
    );
    // Many more objects are written only where they can be removed again.
    const isRemoved = await this.#try("remove", () => this.#remove(path), needs);
    if (isRead && isRemoved && this.#options.size > 0) await this.#measure();
    // Answers may have told more: a region, the time.
    if (this.#access !== undefined) this.#access = await fs.access?.();
  }

  /** Removes whatever is still there. */
  async clear(): Promise<void> {
    for (const path of this.#written) {
      try {
        await this.#fs.remove(path);
      } catch {
        this.#left.push(this.#fs.url(path));
      }
    }
    this.#written.clear();
  }

  #path(name: string): string {
    return `${this.#root === "/" ? "" : this.#root}/${this.#name}-${name}`;
  }

  get #call(): CallOptions {
    const { signal } = this.#options;
    return signal === undefined ? {} : { signal };
  }

  async #try(name: ProbeName, work: () => Promise<string | undefined>, skip?: string): Promise<boolean> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    const reason = this.#hopeless ? AFTER_FAILURE : skip;
    if (reason !== undefined) {
      this.#steps.push({ name, outcome: "skipped", ms: 0, note: reason });
      return false;
    }
    const start = performance.now();
    try {
      const note = await work();
      const ms = performance.now() - start;
      this.#steps.push({ name, outcome: "passed", ms, ...(note === undefined ? {} : { note }) });
      return true;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof DvcError)) throw error;
      const problem = problemOf(error);
      if (name === "remove" && error.code === "unsupported") {
        this.#steps.push({ name, outcome: "skipped", ms: 0, note: problem.message });
        return false;
      }
      this.#hopeless ||= HOPELESS.has(error.code) || name === "credentials" || isUnreachable(error);
      this.#steps.push({ name, outcome: "failed", ms: performance.now() - start, problem });
      return false;
    }
  }

  async #list(): Promise<string | undefined> {
    if (this.#fs.caps.listPage === 0) {
      // Whether it lets in who asks is seen by a file that is not there, too.
      await this.#fs.stat(this.#path("object"), this.#call);
      return "the storage has no listing; objects are asked for one by one";
    }
    let seen = 0;
    for await (const _child of this.#fs.children(this.#root, this.#call)) {
      if (++seen >= this.#fs.caps.listPage) break;
    }
    return seen === 0 ? "nothing there yet" : undefined;
  }

  async #write(path: string): Promise<undefined> {
    this.#written.add(path);
    try {
      await this.#fs.write(path, { bytes: this.#bytes }, { ...this.#call, md5: md5Hex(this.#bytes) });
    } catch (error) {
      // Refused, so not there; after any other failure it might be.
      if (error instanceof DvcError && REFUSED.has(error.code)) this.#written.delete(path);
      if (isNotFound(error)) throw this.#strange(path, "can't be written: its folder is not there, and can't be made");
      throw error;
    }
  }

  async #stat(path: string): Promise<undefined> {
    const info = await this.#fs.stat(path, this.#call);
    if (info === undefined) throw this.#strange(path, "is not there right after it was written");
    if (info.size !== PROBE_BYTES)
      throw this.#strange(path, `has ${String(info.size)} bytes instead of ${String(PROBE_BYTES)}`);
  }

  async #read(path: string): Promise<undefined> {
    const bytes = await this.#fs.readBytes(path, this.#call);
    if (!bytes.equals(this.#bytes)) throw this.#strange(path, "has other bytes than were written");
  }

  async #range(path: string): Promise<undefined> {
    const bytes = await this.#fs.readBytes(path, { ...this.#call, start: 100, end: 300 });
    if (!bytes.equals(this.#bytes.subarray(100, 300)))
      throw this.#strange(path, "gives another range than was asked for");
  }

  async #find(path: string): Promise<string | undefined> {
    const narrow = { ...this.#call, startsWith: this.#name };
    for await (const info of this.#fs.list(this.#root, narrow)) if (info.path === path) return undefined;
    throw this.#strange(path, "is not listed, although it is there");
  }

  async #remove(path: string): Promise<undefined> {
    await this.#fs.remove(path, this.#call);
    if ((await this.#fs.stat(path, this.#call)) !== undefined)
      throw this.#strange(path, "is still there after its removal");
    this.#written.delete(path);
  }

  #strange(path: string, what: string): StorageError {
    const url = this.#fs.url(path);
    return new StorageError(`'${url}' ${what}`, { protocol: this.#fs.protocol, path: url });
  }

  async #measure(): Promise<void> {
    const { signal, size } = this.#options;
    const probe = { fs: this.#fs, path: (name: string) => this.#path(name), written: this.#written, call: this.#call };
    try {
      this.#speed = await measureSpeed(probe, size);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof DvcError)) throw error;
      this.#steps.push({ name: "write", outcome: "failed", ms: 0, note: "while measuring", problem: problemOf(error) });
    }
  }
}

function problemOf(error: DvcError): ProbeProblem {
  return { code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}

/** No answer at all, after all the attempts: the next call would wait as long for the same. */
function isUnreachable(error: DvcError): boolean {
  if (!(error instanceof StorageError) || error.cause === undefined) return false;
  return error.retryable || (error.cause as NodeJS.ErrnoException).code === "ENOTFOUND";
}
