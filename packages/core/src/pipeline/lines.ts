import { StringDecoder } from "node:string_decoder";

/** A line that grows longer than this, in characters, is cut in pieces. */
const LONGEST = 64 * 1024;

/**
 * Cuts the bytes of a stream into whole lines. Of a line that was drawn over again and again (a progress bar, by carriage
 * returns) the last state counts.
 */
export class LineCutter {
  readonly #decoder = new StringDecoder("utf8");
  readonly #onLine: (line: string) => void;
  #held = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  write(bytes: Buffer): void {
    const parts = (this.#held + this.#decoder.write(bytes)).split("\n");
    this.#held = parts.pop() ?? "";
    for (const part of parts) this.#say(part);
    if (this.#held.length <= LONGEST) return;
    // Of a bar that is drawn over without end only what is seen is kept.
    const drawn = this.#held.lastIndexOf("\r", this.#held.length - 2);
    if (drawn >= 0) this.#held = this.#held.slice(drawn + 1);
    if (this.#held.length > LONGEST) this.end();
  }

  /** Gives what is left as a line. */
  end(): void {
    const rest = this.#held + this.#decoder.end();
    this.#held = "";
    if (rest !== "") this.#say(rest);
  }

  #say(line: string): void {
    const text = line.endsWith("\r") ? line.slice(0, -1) : line;
    this.#onLine(text.slice(text.lastIndexOf("\r") + 1));
  }
}
