import { writeAll } from "../fs/atomic.ts";

/** Bytes of one slot. */
export const SLOT_BYTES: number = 1 << 20;
const SLOTS = 16;
/** Longest sleep of a thread before it looks round again, ms. */
const NAP_MS = 40;

/** Indexes of {@link WriteRing.control}: slots filled, slots written, and how it stands. */
const Control = { filled: 0, written: 1, state: 2 } as const;
const State = { open: 0, ended: 1, stopped: 2, failed: 3 } as const;

/** Memory that one thread fills and another writes to a file, in order. Plain data, so that it can be sent to a worker. */
export interface WriteRing {
  /** The file to write, open in this process. */
  readonly fd: number;
  readonly bytes: Uint8Array;
  /** Bytes in each slot. */
  readonly lengths: Int32Array;
  readonly control: Int32Array;
}

/** Shared memory for writing to `fd`. */
export function openRing(fd: number): WriteRing {
  return {
    fd,
    bytes: new Uint8Array(new SharedArrayBuffer(SLOTS * SLOT_BYTES)),
    lengths: new Int32Array(new SharedArrayBuffer(SLOTS * 4)),
    control: new Int32Array(new SharedArrayBuffer(16)),
  };
}

/** The side that fills the slots. */
export class RingFiller {
  readonly #ring: WriteRing;
  #filled = 0;

  constructor(ring: WriteRing) {
    this.#ring = ring;
  }

  /** Memory to fill, or undefined when none came free within some 40 ms: try again. */
  slot(): Buffer | undefined {
    const { control, bytes } = this.#ring;
    const written = Atomics.load(control, Control.written);
    if (this.#filled - written >= SLOTS) {
      Atomics.wait(control, Control.written, written, NAP_MS);
      if (this.#filled - Atomics.load(control, Control.written) >= SLOTS) return undefined;
    }
    return Buffer.from(bytes.buffer, (this.#filled % SLOTS) * SLOT_BYTES, SLOT_BYTES);
  }

  /** Hands the slot over with its first `count` bytes. */
  push(count: number): void {
    this.#ring.lengths[this.#filled % SLOTS] = count;
    this.#filled++;
    Atomics.store(this.#ring.control, Control.filled, this.#filled);
    Atomics.notify(this.#ring.control, Control.filled);
  }

  /** Nothing more comes; `complete` false: what was handed over need not be written either. */
  end(complete: boolean): void {
    const { control } = this.#ring;
    Atomics.compareExchange(control, Control.state, State.open, complete ? State.ended : State.stopped);
    Atomics.notify(control, Control.filled);
  }

  /** Whether everything handed over was written. */
  get isWritten(): boolean {
    return Atomics.load(this.#ring.control, Control.written) === this.#filled;
  }

  /** Bytes written so far, rounded up to whole slots. */
  get writtenBytes(): number {
    return Atomics.load(this.#ring.control, Control.written) * SLOT_BYTES;
  }
}

/** The side that writes: until the other one ends. @throws why it could not write: a full disk. */
export function drainRing(ring: WriteRing): void {
  const { control, bytes, lengths, fd } = ring;
  try {
    for (let written = 0; ; written++) {
      let filled: number;
      while ((filled = Atomics.load(control, Control.filled)) === written) {
        if (Atomics.load(control, Control.state) !== State.open) {
          // The end may have been told right after the last slot.
          if (Atomics.load(control, Control.filled) === written) return;
          continue;
        }
        Atomics.wait(control, Control.filled, filled, NAP_MS);
      }
      if (Atomics.load(control, Control.state) === State.stopped) return;
      const at = (written % SLOTS) * SLOT_BYTES;
      writeAll(fd, bytes.subarray(at, at + SLOT_BYTES), lengths[written % SLOTS]);
      Atomics.store(control, Control.written, written + 1);
      Atomics.notify(control, Control.written);
    }
  } catch (error) {
    Atomics.store(control, Control.state, State.failed);
    Atomics.notify(control, Control.written);
    throw error;
  }
}
