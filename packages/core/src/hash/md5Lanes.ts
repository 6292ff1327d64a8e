import { MD5_WASM } from "./md5.wasm.ts";

/** How many inputs are hashed at once. */
export const LANES = 8;
const BLOCK = 64;
/** Bytes of the padding: 0x80, zeros, the length in bits. */
const LENGTH_AT = 56;
/** Memory layout of packages/core/wasm/md5.as.ts: chaining values, pointers, words; buffers follow. */
const POINTERS = 128 / 4;
const BUFFERS_AT = 1024;
const PAGE = 65536;
/** With so few lanes busy, hashing them one after the other is faster than eight wide. */
const FEW = 2;

interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  runAll(blocks: number): void;
  runOne(lane: number, blocks: number): void;
}

/** The part of WebAssembly used here; Node's types leave it to the DOM's. */
interface WasmApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
}

/**
 * Eight MD5 streams that share the CPU's vector unit: 1.5 GB/s and more of a core against 0.6 of one stream. Input is
 * read straight into {@link buffer}; lengths may differ, and a lane that ends is started anew at once.
 *
 * Use: `start(lane)`, put bytes into `buffer(lane)`, `feed(lane, count, isLast)`; when all lanes are fed, `run()`, which
 * names the lanes that need more or have ended.
 */
export class Md5Lanes {
  /** Bytes that fit into one buffer, a multiple of 64. */
  readonly capacity: number;
  readonly #kernel: Kernel;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #buffers: Uint8Array[] = [];
  /** Blocks that each lane has yet to take; 0 = idle. */
  readonly #blocks = new Int32Array(LANES);
  /** Bytes fed so far. */
  readonly #lengths = new Float64Array(LANES);

  /** @returns undefined where WebAssembly or its SIMD is missing: hash with `node:crypto` then. */
  static create(capacity = 65536): Md5Lanes | undefined {
    const wasm = (globalThis as { WebAssembly?: WasmApi }).WebAssembly;
    if (wasm === undefined) return undefined;
    try {
      const module = new wasm.Module(Buffer.from(MD5_WASM, "base64"));
      return new Md5Lanes(new wasm.Instance(module).exports as Kernel, capacity);
    } catch {
      return undefined;
    }
  }

  private constructor(kernel: Kernel, capacity: number) {
    this.#kernel = kernel;
    this.capacity = Math.ceil(capacity / BLOCK) * BLOCK;
    // Two blocks of room for the padding; an odd multiple of 64 keeps equal offsets of lanes out of one cache set.
    const stride = this.capacity + 3 * BLOCK;
    const need = BUFFERS_AT + LANES * stride;
    const have = kernel.memory.buffer.byteLength;
    if (need > have) kernel.memory.grow(Math.ceil((need - have) / PAGE));
    this.#bytes = new Uint8Array(kernel.memory.buffer);
    this.#words = new Uint32Array(kernel.memory.buffer);
    for (let lane = 0; lane < LANES; lane++) {
      const at = BUFFERS_AT + lane * stride;
      this.#buffers.push(this.#bytes.subarray(at, at + this.capacity));
      this.#setPointer(lane);
    }
  }

  /** Where the next bytes of a lane go. */
  buffer(lane: number): Uint8Array {
    return this.#buffers[lane] as Uint8Array;
  }

  /** Begins a new digest in a lane. */
  start(lane: number): void {
    const at = stateOf(lane);
    this.#words[at] = 0x67452301;
    this.#words[at + 4] = 0xefcdab89;
    this.#words[at + 8] = 0x98badcfe;
    this.#words[at + 12] = 0x10325476;
    this.#lengths[lane] = 0;
    this.#blocks[lane] = 0;
  }

  /** Hands over `count` bytes in the buffer. Unless it is the last part of the input, `count` is a multiple of 64, not 0. */
  feed(lane: number, count: number, isLast: boolean): void {
    const length = (this.#lengths[lane] as number) + count;
    this.#lengths[lane] = length;
    this.#blocks[lane] = isLast ? this.#pad(lane, count, length) : count / BLOCK;
    this.#setPointer(lane);
  }

  /** Whether any lane has bytes left to take. */
  get isBusy(): boolean {
    return this.#blocks.some((blocks) => blocks > 0);
  }

  /** Hashes until at least one lane has taken all it was fed. @returns a bit for each lane that has just done so. */
  run(): number {
    const blocks = this.#blocks;
    let busy = 0;
    let least = 0x7fffffff;
    for (let lane = 0; lane < LANES; lane++) {
      const left = blocks[lane] as number;
      if (left === 0) {
        this.#setPointer(lane);
        continue;
      }
      busy++;
      if (left < least) least = left;
    }
    if (busy === 0) return 0;
    if (busy > FEW) this.#kernel.runAll(least);
    let done = 0;
    for (let lane = 0; lane < LANES; lane++) {
      const left = blocks[lane] as number;
      if (left === 0) continue;
      if (busy <= FEW) this.#kernel.runOne(lane, least);
      blocks[lane] = left - least;
      if (left === least) done |= 1 << lane;
    }
    return done;
  }

  /** Copies the digest of a lane whose last part has been taken: 16 bytes. */
  digest(lane: number, to: Uint8Array, at: number): void {
    const from = stateOf(lane);
    for (let word = 0; word < 4; word++) {
      const value = this.#words[from + word * 4] as number;
      to[at + word * 4] = value & 255;
      to[at + word * 4 + 1] = (value >>> 8) & 255;
      to[at + word * 4 + 2] = (value >>> 16) & 255;
      to[at + word * 4 + 3] = value >>> 24;
    }
  }

  /** Appends the padding behind `count` bytes; returns the blocks of all. */
  #pad(lane: number, count: number, length: number): number {
    const start = BUFFERS_AT + lane * (this.capacity + 3 * BLOCK);
    const blocks = Math.floor((count + 8) / BLOCK) + 1;
    const end = start + blocks * BLOCK;
    const bytes = this.#bytes;
    bytes[start + count] = 0x80;
    bytes.fill(0, start + count + 1, end - (BLOCK - LENGTH_AT));
    this.#words[end / 4 - 2] = (length << 3) >>> 0;
    this.#words[end / 4 - 1] = Math.floor(length / 0x20000000) >>> 0;
    return blocks;
  }

  #setPointer(lane: number): void {
    this.#words[POINTERS + lane] = BUFFERS_AT + lane * (this.capacity + 3 * BLOCK);
  }
}

/** Index of a lane's first chaining value; the other three follow 4 words apart each. */
function stateOf(lane: number): number {
  return (lane >> 2) * 16 + (lane & 3);
}
