import { readSync } from "node:fs";
import type { TextOutput } from "./render/text.ts";
import { visibleOn } from "./render/visible.ts";

const answers = ["yes", "no", "y", "n"];

/** Asks on stdout and reads answers from stdin until one fits. The end of the input is a no. */
export function askYesNo(question: string, output: TextOutput): boolean {
  for (;;) {
    output.out.write(`${visibleOn(output.out, question)} [y/n]: `);
    output.finish();
    const line = readLine();
    if (line === undefined) return false;
    const answer = line.toLowerCase();
    if (answer === "") return false;
    if (answers.includes(answer)) return answer.startsWith("y");
    output.line("Your response must be one of: ['yes', 'no', 'y', 'n']. Please try again.");
  }
}

/** One line of stdin without its end; undefined at the end of the input. Reads no byte further. */
export function readLine(): string | undefined {
  const byte = Buffer.alloc(1);
  const bytes: number[] = [];
  for (;;) {
    if (!readByte(byte)) return bytes.length === 0 ? undefined : Buffer.from(bytes).toString("utf8");
    if (byte[0] === 10) return Buffer.from(bytes).toString("utf8").replace(/\r$/, "");
    bytes.push(byte[0] ?? 0);
  }
}

function readByte(into: Buffer): boolean {
  for (;;) {
    try {
      return readSync(0, into, 0, 1, null) === 1;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return false;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}
