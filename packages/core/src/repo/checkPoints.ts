import { rmSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import type { OsPath } from "../base/paths.ts";
import { writeFileAtomic } from "../fs/atomic.ts";
import { isOid } from "../hash/hashInfo.ts";
import { md5Bytes } from "../hash/md5.ts";
import type { BadObject, CheckPoint } from "../odb/checkTypes.ts";
import type { Repo } from "./repo.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { readBounded } from "../fs/readBounded.ts";

/** A point older than this (ms) says too little about today. */
const MAX_AGE_MS = 7 * 24 * 3_600_000;
/** A larger file is not ours (bytes). */
const MAX_BYTES = 64 << 20;
/** Written at most so often (ms). */
const EVERY_MS = 1000;
const PROBLEMS = new Set(["damaged", "unreadable", "manifest"]);

/** How far the check of one store has come, so that an interrupted one goes on where it stopped. Safe to delete. */
export class CheckPointFile {
  readonly #file: OsPath;
  #savedAt = 0;
  #begunAt: number;

  constructor(repo: Repo, url: string) {
    this.#file = join(repo.siteDir, "fsck", `${md5Bytes(Buffer.from(url))}.json`);
    this.#begunAt = systemClock.now();
  }

  /** What an earlier run left, and when it began (ms since the epoch). */
  load(): { readonly point: CheckPoint; readonly begunAt: number } | undefined {
    let value: unknown;
    try {
      value = JSON.parse(readBounded(this.#file, MAX_BYTES, "utf8") ?? "");
    } catch {
      return undefined;
    }
    const { begunAt, point } = (value ?? {}) as { begunAt?: unknown; point?: unknown };
    if (typeof begunAt !== "number" || !isPoint(point)) return undefined;
    const age = systemClock.now() - begunAt;
    if (age < 0 || age > MAX_AGE_MS) return undefined;
    this.#begunAt = begunAt;
    return { point, begunAt };
  }

  save(point: CheckPoint): void {
    const now = systemClock.now();
    if (now - this.#savedAt < EVERY_MS) return;
    this.#savedAt = now;
    const folder = join(this.#file, "..");
    makeFolders(folder);
    const text = JSON.stringify({ begunAt: this.#begunAt, point });
    writeFileAtomic(this.#file, text, { noSync: true, inside: folder });
  }

  clear(): void {
    rmSync(this.#file, { force: true });
  }
}

function isPoint(value: unknown): value is CheckPoint {
  if (typeof value !== "object" || value === null) return false;
  const { last, objects, bytes, bad } = value as Record<string, unknown>;
  const isCount = (one: unknown): boolean => Number.isSafeInteger(one) && (one as number) >= 0;
  return (
    typeof last === "string" &&
    isOid(last) &&
    isCount(objects) &&
    isCount(bytes) &&
    Array.isArray(bad) &&
    bad.every(isBad)
  );
}

function isBad(value: unknown): value is BadObject {
  if (typeof value !== "object" || value === null) return false;
  const { oid, path, problem } = value as Record<string, unknown>;
  return typeof oid === "string" && isOid(oid) && typeof path === "string" && PROBLEMS.has(problem as string);
}
