/** Lends out a bounded number of buffers; who comes too late waits for one that is given back. */
export class BufferPool {
  readonly #limit: number;
  readonly #free: Buffer[] = [];
  readonly #waiting: (() => void)[] = [];
  #lent = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs `work` with a buffer of at least `size` bytes, which is not cleared. */
  async use<T>(size: number, work: (buffer: Buffer) => Promise<T>): Promise<T> {
    if (this.#lent >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#lent++;
    const held = this.#free.pop();
    const buffer = held !== undefined && held.length >= size ? held : Buffer.allocUnsafeSlow(size);
    try {
      return await work(buffer);
    } finally {
      this.#free.push(buffer);
      const next = this.#waiting.shift();
      // The place goes over to who waits.
      if (next === undefined) this.#lent--;
      else next();
    }
  }
}
