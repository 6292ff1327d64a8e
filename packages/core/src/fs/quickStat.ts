import { lstatSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";
import type { TextColumn } from "../base/textColumn.ts";

/** Memory: WASI's `filestat` of 64 bytes, then the path. */
const PATH_AT = 1024;
const PAGE = 65536;
/** Descriptor of the first folder handed to WASI: here "/". */
const ROOT_FD = 3;
/** Where WASI keeps the numbers of a file, in words of 64 bits. */
export const QUICK = { dev: 0, ino: 1, size: 4, mtimeNs: 6, ctimeNs: 7 } as const;
const NUMBERS = Object.keys(QUICK) as (keyof typeof QUICK)[];
/** The numbers of a file in the order in which records hold them: device, inode, size, mtime, ctime. */
const PLACES = Object.values(QUICK);

type PathFilestatGet = (fd: number, flags: number, path: number, length: number, to: number) => number;

interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

/**
 * `lstat` without an object for each file: half the time of `lstatSync`, which makes ten BigInts and four dates. Node
 * offers such a call in public only as what it gives to WebAssembly programs; no such program runs here.
 */
export class QuickStat {
  /** The numbers of the file last looked at, places as in {@link QUICK}, as halves: reading a BigInt would cost one. */
  readonly halves: Uint32Array;
  readonly #bytes: Buffer;
  readonly #filestat: PathFilestatGet;
  /** The folder whose path lies at the start of the path's memory. */
  #base: OsPath | undefined;

  /** @throws where this Node has no WASI. */
  constructor() {
    const { Memory } = (globalThis as unknown as { WebAssembly: { Memory: new (pages: object) => WasmMemory } })
      .WebAssembly;
    const memory = new Memory({ initial: 1 });
    const wasi = quietly(() => {
      const { WASI } = process.getBuiltinModule("node:wasi");
      return new WASI({ version: "preview1", preopens: { "/": "/" } });
    });
    wasi.initialize({ exports: { memory } });
    this.#filestat = (wasi.wasiImport as { path_filestat_get: PathFilestatGet }).path_filestat_get;
    this.#bytes = Buffer.from(memory.buffer);
    this.halves = new Uint32Array(memory.buffer, 0, 16);
  }

  /** Looks at what has this absolute path, links not followed. False when there is nothing, or it cannot be looked at. */
  look(path: OsPath): boolean {
    if (path.length * 3 > PAGE - PATH_AT) return false;
    this.#base = undefined;
    const length = this.#bytes.write(path, PATH_AT);
    // WASI's paths are relative to a folder handed to it.
    return this.#filestat(ROOT_FD, 0, PATH_AT + 1, length - 1, 0) === 0;
  }

  /** The same for files in or below a folder ("/" at its end), by their rows in a column of relative paths. */
  below(folder: OsPath, relpaths: TextColumn): (row: number) => boolean {
    let start = -1;
    return (row) => {
      // Whoever looked at another path meanwhile has written over the folder's.
      if (start < 0 || this.#base !== folder) {
        if (folder.length * 3 > (PAGE - PATH_AT) / 2) return this.look(folder + relpaths.at(row));
        start = PATH_AT + this.#bytes.write(folder, PATH_AT);
        this.#base = folder;
      }
      const end = start + relpaths.copyTo(this.#bytes, start, row);
      if (end >= PAGE) return false;
      return this.#filestat(ROOT_FD, 0, PATH_AT + 1, end - PATH_AT - 1, 0) === 0;
    };
  }

  /** Whether a row of a column, five numbers of 64 bits each as halves, holds what was last found. */
  isSame(column: Uint32Array, row: number): boolean {
    let at = row * PLACES.length * 2;
    for (const place of PLACES) {
      if (column[at++] !== this.halves[place * 2] || column[at++] !== this.halves[place * 2 + 1]) return false;
    }
    return true;
  }

  /** Writes what was last found into such a row. */
  copyTo(column: Uint32Array, row: number): void {
    let at = row * PLACES.length * 2;
    for (const place of PLACES) {
      column[at++] = this.halves[place * 2] as number;
      column[at++] = this.halves[place * 2 + 1] as number;
    }
  }

  /** Whether it says the same of a path as `lstatSync`. */
  agrees(path: OsPath): boolean {
    const stat = lstatSync(path, { bigint: true });
    const found = this.look(path) ? new BigUint64Array(this.halves.buffer, 0, 8) : undefined;
    return NUMBERS.every((name) => found?.[QUICK[name]] === stat[name]);
  }
}

/** From this many files on it pays to open it: that takes 1 ms. */
const WORTH_OPENING = 500;

let opened: { readonly quick: QuickStat | undefined } | undefined;

/**
 * The one of this thread, for looking at `count` files; undefined where these are few, there is none, or it says something else
 * than Node does of `sample`.
 */
export function quickStat(count: number, sample: OsPath): QuickStat | undefined {
  if (count < WORTH_OPENING) return undefined;
  opened ??= { quick: open(sample) };
  return opened.quick;
}

function open(sample: OsPath): QuickStat | undefined {
  if (process.platform === "win32") return undefined;
  try {
    const quick = new QuickStat();
    return quick.agrees(sample) ? quick : undefined;
  } catch {
    return undefined;
  }
}

/** Node calls WASI an experiment when it is loaded: a user of ours need not read that. */
function quietly<T>(load: () => T): T {
  const warnings = Object.getOwnPropertyDescriptor(process, "emitWarning");
  Object.defineProperty(process, "emitWarning", { ...warnings, value: () => undefined });
  try {
    return load();
  } finally {
    if (warnings !== undefined) Object.defineProperty(process, "emitWarning", warnings);
  }
}
