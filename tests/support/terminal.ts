import { spawn } from "node:child_process";

/** What a program on a terminal printed, and how it ended. */
export interface TerminalRun {
  readonly code: number;
  /** Everything that the screen showed. */
  readonly screen: string;
}

/**
 * Runs a program on a terminal of its own (`script` of util-linux); its standard input is that terminal.
 * @param typed what is typed when `question` shows
 */
export function onTerminal(
  words: readonly string[],
  options: { readonly cwd: string; readonly question: string; readonly typed: string },
): Promise<TerminalRun> {
  const command = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return new Promise((resolve, reject) => {
    const child = spawn("script", ["-qec", command, "/dev/null"], { cwd: options.cwd });
    let screen = "";
    let isTyped = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      screen += text;
      if (isTyped || !screen.includes(options.question)) return;
      isTyped = true;
      child.stdin.write(options.typed);
    });
    child.once("error", reject).once("close", (code) => {
      resolve({ code: code ?? -1, screen });
    });
  });
}
