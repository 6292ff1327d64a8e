import { readFileSync, statSync } from "node:fs";
import { DvcError } from "../base/errors.ts";
import { DIR_SUFFIX, isDirHash } from "../hash/hashInfo.ts";
import { md5Bytes } from "../hash/md5.ts";
import type { BadObject, CheckOptions, CheckPoint, StoreCheck } from "./checkTypes.ts";
import { hashMany } from "./hashMany.ts";
import type { ObjectDb } from "./objectDb.ts";
import { OidColumn } from "./oidColumn.ts";
import { TransferProgress } from "./transferProgress.ts";
import { MAX_MANIFEST_BYTES, Tree } from "./tree.ts";

/**
 * Hashes every object of a folder of objects, whatever its mode and whatever is remembered of it, and reads every manifest.
 * Changes nothing. Objects that come or go meanwhile are no problem.
 * @throws the file system's error when it cannot be listed, the signal's reason.
 */
export async function checkLocal(store: ObjectDb, options: CheckOptions): Promise<StoreCheck> {
  const names = [...store.names()];
  for (const name of names) options.onName?.(name);
  return checkNamed(store, names, options);
}

/**
 * The same for some objects. Those that are not there, or go meanwhile, are in `missing`.
 * @throws as {@link checkLocal}
 */
export async function checkLocalObjects(
  store: ObjectDb,
  oids: Iterable<string>,
  options: CheckOptions,
): Promise<StoreCheck & { readonly missing: readonly string[] }> {
  const wanted = new Set(oids);
  const there = store.exists(wanted);
  const gone = new Set<string>();
  const result = await checkNamed(store, [...there], options, (oid) => gone.add(oid));
  const missing = [...wanted].filter((oid) => !there.has(oid) || gone.has(oid));
  return { ...result, objects: result.objects - gone.size, missing };
}

async function checkNamed(
  store: ObjectDb,
  names: readonly string[],
  options: CheckOptions,
  onGone?: (oid: string) => void,
): Promise<StoreCheck> {
  const oids = OidColumn.from(names);
  const manifests = names.filter(isDirHash).sort();
  const progress = new TransferProgress(options.reporter, options.task, names.length);
  try {
    const check = new LocalCheck(store, oids, options, progress, onGone);
    if (store.hashName === "md5") await check.hashFiles();
    else await check.hashTexts();
    await check.readManifests(manifests);
    return check.result;
  } finally {
    progress.end();
  }
}

class LocalCheck {
  readonly #store: ObjectDb;
  readonly #oids: OidColumn;
  readonly #options: CheckOptions;
  readonly #progress: TransferProgress;
  readonly #onGone: ((oid: string) => void) | undefined;
  readonly #bad: BadObject[];
  #objects: number;
  #bytes: number;

  constructor(
    store: ObjectDb,
    oids: OidColumn,
    options: CheckOptions,
    progress: TransferProgress,
    onGone: ((oid: string) => void) | undefined,
  ) {
    this.#onGone = onGone;
    this.#store = store;
    this.#oids = oids;
    this.#options = options;
    this.#progress = progress;
    const { resume } = options;
    this.#bad = [...(resume?.bad ?? [])].filter(({ oid }) => store.sizeOf(oid) !== undefined);
    this.#objects = resume?.objects ?? 0;
    this.#bytes = resume?.bytes ?? 0;
  }

  get result(): StoreCheck {
    return { objects: this.#objects, bytes: this.#bytes, bad: this.#bad };
  }

  /** All objects that are files, by two threads. */
  async hashFiles(): Promise<void> {
    const from = this.#firstRow();
    let row = from;
    await hashMany({
      folder: this.#store.folder,
      oids: this.#oids,
      from,
      signal: this.#options.signal,
      onDoubtful: (at) => {
        this.#lookClosely(at);
      },
      onProgress: (done, bytes) => {
        this.#count(done - row, bytes);
        row = done;
        this.#tellPoint(done);
      },
    });
  }

  /** Objects of DVC 2.x: the hash of a text is that of its bytes with line ends normalised. */
  async hashTexts(): Promise<void> {
    for (let row = this.#firstRow(); row < this.#oids.length; row++) {
      this.#lookClosely(row);
      this.#count(1, this.#store.sizeOf(this.#oids.at(row)) ?? 0);
      if (row % 64 !== 63) continue;
      await new Promise(setImmediate);
      this.#options.signal?.throwIfAborted();
      this.#tellPoint(row + 1);
    }
  }

  async readManifests(oids: readonly string[]): Promise<void> {
    for (const oid of oids) {
      await new Promise(setImmediate);
      this.#options.signal?.throwIfAborted();
      const path = this.#store.pathOf(oid);
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) this.#onGone?.(oid);
      if (stat === undefined) continue;
      const bad = stat.isFile() ? manifestProblem(oid, path, stat.size) : unreadable(oid, path, "it is no file");
      if (bad !== undefined) this.#bad.push(bad);
      this.#count(1, stat.size);
    }
  }

  #firstRow(): number {
    const last = this.#options.resume?.last;
    if (last === undefined) return 0;
    let row = 0;
    while (row < this.#oids.length && this.#oids.at(row) <= last) row++;
    this.#progress.add(row, 0);
    return row;
  }

  #count(objects: number, bytes: number): void {
    this.#objects += objects;
    this.#bytes += bytes;
    this.#progress.add(objects, bytes);
  }

  #tellPoint(row: number): void {
    if (row === 0) return;
    this.#options.onCheckPoint?.({
      ...this.result,
      bad: [...this.#bad],
      last: this.#oids.at(row - 1),
    } satisfies CheckPoint);
  }

  /** Read again, the plain way: it may have been replaced, or removed, while it was hashed. */
  #lookClosely(row: number): void {
    const oid = this.#oids.at(row);
    const path = this.#store.pathOf(oid);
    try {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) this.#onGone?.(oid);
      if (stat === undefined) return;
      if (!stat.isFile()) {
        this.#bad.push(unreadable(oid, path, "it is no file"));
        return;
      }
      const actual = this.#store.actualHash(oid);
      if (actual !== oid) this.#bad.push({ oid, path, problem: "damaged", actual });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      this.#bad.push(unreadable(oid, path, (error as Error).message));
    }
  }
}

function unreadable(oid: string, path: string, detail: string): BadObject {
  return { oid, path, problem: "unreadable", detail };
}

function manifestProblem(oid: string, path: string, size: number): BadObject | undefined {
  if (size > MAX_MANIFEST_BYTES) return unreadable(oid, path, `it has ${String(size)} bytes`);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    return unreadable(oid, path, (error as Error).message);
  }
  return manifestBytesProblem(oid, path, bytes);
}

/** What is wrong with the bytes of a manifest; undefined when nothing is. */
export function manifestBytesProblem(oid: string, path: string, bytes: Uint8Array): BadObject | undefined {
  const actual = md5Bytes(bytes) + DIR_SUFFIX;
  if (actual !== oid) return { oid, path, problem: "damaged", actual };
  try {
    Tree.parse(bytes, path);
    return undefined;
  } catch (error) {
    if (!(error instanceof DvcError)) throw error;
    return { oid, path, problem: "manifest", detail: error.message };
  }
}
