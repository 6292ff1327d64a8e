import { fstatSync, writeSync } from "node:fs";

/** The reader of our output went away (`| head`). */
export class BrokenPipe extends Error {}

/** How much text is held before it is written out. */
const CHUNK = 64 * 1024;
/** Linux's number of /dev/null (major 1, minor 3). */
const NULL_DEVICE = 0x103;

/**
 * Standard output or error, written synchronously: `process.stdout` costs 3 ms to set up and loses text at `process.exit`.
 */
export class TextStream {
  readonly #fd: number;
  readonly #isBuffered: boolean;
  #held = "";
  #tty: boolean | undefined;

  constructor(fd: number, isBuffered: boolean) {
    this.#fd = fd;
    this.#isBuffered = isBuffered;
  }

  /** Whether a terminal is behind it. */
  get isTty(): boolean {
    this.#tty ??= isTerminal(this.#fd);
    return this.#tty;
  }

  /** @throws {BrokenPipe} when nobody reads any more. */
  write(text: string): void {
    this.#held += text;
    if (!this.#isBuffered || this.#held.length >= CHUNK) this.flush();
  }

  /** @throws {BrokenPipe} when nobody reads any more. */
  flush(): void {
    if (this.#held === "") return;
    const bytes = Buffer.from(this.#held, "utf8");
    this.#held = "";
    let done = 0;
    while (done < bytes.byteLength) {
      try {
        done += writeSync(this.#fd, bytes, done);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EPIPE") throw new BrokenPipe();
        if (code === "EBADF") return; // closed by the caller: nothing to say it to
        if (code !== "EAGAIN") throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      }
    }
  }
}

function isTerminal(fd: number): boolean {
  try {
    // Most runs end here: the tty module pulls in node:net, 4 ms.
    const stat = fstatSync(fd);
    if (!stat.isCharacterDevice() || (process.platform === "linux" && stat.rdev === NULL_DEVICE)) return false;
    return (process.getBuiltinModule as typeof process.getBuiltinModule | undefined)?.("node:tty").isatty(fd) ?? false;
  } catch {
    return false;
  }
}
