import type { Hash } from "node:crypto";
import { newMd5 } from "./md5.ts";
import type { Md5Lanes } from "./md5Lanes.ts";
import { LANES } from "./md5Lanes.ts";

/** What {@link Md5Lanes} offers. */
export type LaneHasher = Pick<Md5Lanes, "capacity" | "buffer" | "start" | "feed" | "isBusy" | "run" | "digest">;

/** The same over `node:crypto`, for machines without WebAssembly SIMD. */
export class PlainLanes implements LaneHasher {
  readonly capacity: number;
  readonly #buffers: Buffer[];
  readonly #hashes: (Hash | undefined)[] = [];
  readonly #digests: (Buffer | undefined)[] = [];
  #fed = 0;

  constructor(capacity = 65536) {
    this.capacity = capacity;
    this.#buffers = Array.from({ length: LANES }, () => Buffer.allocUnsafeSlow(capacity));
  }

  buffer(lane: number): Uint8Array {
    return this.#buffers[lane] as Uint8Array;
  }

  start(lane: number): void {
    this.#hashes[lane] = newMd5();
  }

  feed(lane: number, count: number, isLast: boolean): void {
    const hash = this.#hashes[lane]?.update((this.#buffers[lane] as Buffer).subarray(0, count));
    if (isLast) this.#digests[lane] = hash?.digest();
    this.#fed |= 1 << lane;
  }

  get isBusy(): boolean {
    return this.#fed !== 0;
  }

  run(): number {
    const done = this.#fed;
    this.#fed = 0;
    return done;
  }

  digest(lane: number, to: Uint8Array, at: number): void {
    this.#digests[lane]?.copy(to, at);
  }
}
