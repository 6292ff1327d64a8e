import { closeSync, openSync, writeSync } from "node:fs";
import { isatty, ReadStream } from "node:tty";
import { withoutSecrets } from "@holdfast/core";
import { visible } from "./render/visible.ts";

/** Asks for a secret; gives undefined where there is no terminal to ask on. */
export type AskSecret = (question: string) => Promise<string | undefined>;

/**
 * Asks on the terminal itself, also when standard input and output are pipes, and shows nothing of what is typed. The same
 * question is asked once, and questions come one after the other. Rejects when the user interrupts (Ctrl-C).
 * @param before called before each question: what is half-printed must end
 */
export function secretPrompt(before: () => void): AskSecret {
  const answers = new Map<string, Promise<string | undefined>>();
  let last: Promise<unknown> = Promise.resolve();
  return (question) => {
    let answer = answers.get(question);
    if (answer === undefined) {
      answer = last.then(() => {
        before();
        return askOnTerminal(question);
      });
      last = answer.catch(() => undefined);
      answers.set(question, answer);
    }
    return answer;
  };
}

async function askOnTerminal(question: string): Promise<string | undefined> {
  const fd = openTerminal();
  if (fd === undefined) return undefined;
  const terminal = new ReadStream(fd);
  try {
    terminal.setRawMode(true);
    // The question may name what a repository's config says: no control characters of it reach the terminal.
    writeSync(process.platform === "win32" ? 2 : fd, visible(withoutSecrets(question)).replace(/\n/g, "\r\n"));
    return await typed(terminal);
  } finally {
    terminal.setRawMode(false);
    writeSync(process.platform === "win32" ? 2 : fd, "\n");
    terminal.destroy();
  }
}

function openTerminal(): number | undefined {
  let fd: number | undefined;
  try {
    fd = process.platform === "win32" ? openSync("CONIN$", "r+") : openSync("/dev/tty", "r+");
    if (isatty(fd)) return fd;
  } catch {
    return undefined;
  }
  closeSync(fd);
  return undefined;
}

const KEYS = { enter: /[\r\n]/, interrupt: "\x03", end: "\x04", clear: "\x15", back: /[\b\x7f]/ };

/** One line, edited as on a terminal: backspace, Ctrl-U (all), Ctrl-D (end; alone: no answer), Ctrl-C. */
function typed(terminal: ReadStream): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let line: string[] = [];
    const read = (text: string): void => {
      for (const key of text) {
        if (KEYS.enter.test(key)) resolve(line.join(""));
        else if (key === KEYS.end) resolve(line.length === 0 ? undefined : line.join(""));
        else if (key === KEYS.interrupt) reject(new DOMException("interrupted by the user", "AbortError"));
        else if (key === KEYS.clear) line = [];
        else if (KEYS.back.test(key)) line.pop();
        else line.push(key);
      }
    };
    terminal.setEncoding("utf8").on("data", (text) => {
      read(String(text));
    });
    terminal.once("error", reject).once("end", () => {
      resolve(undefined);
    });
  });
}
