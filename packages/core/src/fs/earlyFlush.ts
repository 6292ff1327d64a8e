import { fdatasync } from "node:fs";

/** The disk begins to work once so many bytes lie before it; else all of them would wait for the end. */
const FLUSH_BYTES = 64 << 20;

/** Flushes a file while more of it comes, so that the flush at its end has little left to do. */
export class EarlyFlush {
  readonly #fd: number;
  #underWay: Promise<void> | undefined;
  #error: Error | null = null;
  #waiting = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** So many more bytes were written. Nobody waits. */
  wrote(bytes: number): void {
    this.#waiting += bytes;
    if (this.#underWay !== undefined || this.#waiting < FLUSH_BYTES) return;
    this.#waiting = 0;
    this.#underWay = new Promise((resolve) => {
      fdatasync(this.#fd, (error) => {
        // The kernel tells an error once only.
        this.#error ??= error;
        this.#underWay = undefined;
        resolve();
      });
    });
  }

  /** Ends what is under way: before it the file must not be closed. @throws the file system's error, of any of the flushes */
  async end(): Promise<void> {
    await this.#underWay;
    if (this.#error !== null) throw this.#error;
  }
}
