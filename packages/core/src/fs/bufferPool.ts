/** Who waits for a buffer. */
interface Waiting {
  readonly size: number;
  readonly go: () => void;
}

/** Lends out buffers of a bounded total size; who comes too late waits for what is given back, in turn. */
export class BufferPool {
  readonly #limit: number;
  readonly #free: Buffer[] = [];
  readonly #waiting: Waiting[] = [];
  #lent = 0;

  /** `limit`: bytes that may be lent at once. One buffer is always lent, however large. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs `work` with a buffer of at least `size` bytes, which is not cleared. */
  async use<T>(size: number, work: (buffer: Buffer) => Promise<T>): Promise<T> {
    if (this.#waiting.length === 0 && this.#fits(size)) this.#lent += size;
    else await new Promise<void>((go) => this.#waiting.push({ size, go }));
    const buffer = this.#take(size);
    try {
      return await work(buffer);
    } finally {
      this.#lent -= size;
      this.#free.push(buffer);
      this.#admit();
    }
  }

  #fits(size: number): boolean {
    return this.#lent === 0 || this.#lent + size <= this.#limit;
  }

  /** One that was given back, when it is large enough. */
  #take(size: number): Buffer {
    const held = this.#free.pop();
    return held !== undefined && held.length >= size ? held : Buffer.allocUnsafeSlow(size);
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.size); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#lent += next.size;
      next.go();
    }
  }
}
