import type { Context } from "../context.ts";
import { visible } from "./visible.ts";

/**
 * Shows text that may be larger than the terminal through the user's pager: `DVC_PAGER`, else `PAGER`, else `less`, which
 * cuts long lines (and ends at once when all fits a screen, unless `LESS` says how it is to be). Without a terminal, and when
 * there is no pager, prints it. Nothing when quiet.
 */
export function page(text: string, context: Context): void {
  const { env } = context.env;
  if (context.globals.quiet || !context.output.out.isTty) {
    context.line(text);
    return;
  }
  const chosen = [env["DVC_PAGER"], env["PAGER"]].find((one) => one !== undefined && one !== "");
  const isLess = chosen === undefined || chosen === "less";
  const shown = run(isLess ? lessCommand(env["LESS"]) : chosen, `${visible(text)}\n`, context);
  if (shown) return;
  if (chosen === undefined) context.output.log("WARNING", "Unable to find `less` in the PATH.");
  context.line(text);
}

function lessCommand(own: string | undefined): string {
  const isPlain = own === undefined || own === "";
  const options = [
    "--RAW-CONTROL-CHARS",
    "--chop-long-lines",
    ...(isPlain ? ["--quit-if-one-screen", "--no-init"] : []),
  ];
  return ["less", ...options].join(" ");
}

/** False when there is no such program. */
function run(command: string, text: string, context: Context): boolean {
  // Loaded when it is needed: 3 ms.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  context.output.finish();
  const { status } = spawnSync(command, {
    shell: true,
    input: text,
    stdio: ["pipe", "inherit", "inherit"],
    cwd: context.env.cwd,
  });
  return status !== 127 && status !== 9009;
}
