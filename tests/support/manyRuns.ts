import { spawn } from "node:child_process";
import { BINARY } from "./rig.ts";

/** How a run that had others beside it ended. */
export interface BesideRun {
  readonly line: string;
  readonly code: number | null;
  readonly said: string;
}

/** How to run: where, as whom, and by which program (node and the built one, unless said otherwise). */
export interface BesideOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Words before the command line. */
  readonly program?: readonly string[];
}

/** Runs a command line while others run. */
export async function runBeside(line: string, options: BesideOptions): Promise<BesideRun> {
  const [program = "", ...first] = options.program ?? [process.execPath, BINARY];
  const child = spawn(program, [...first, ...line.split(" ")], { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  const code = await new Promise<number | null>((done) => {
    child.once("close", done);
  });
  return { line, code, said };
}

/** Whether it did what it was asked to, or said clearly that somebody else was at work. */
export function isFine({ code, said }: BesideRun): boolean {
  return code === 0 || /Unable to acquire lock|is busy, it is being blocked by/.test(said);
}
