import type { Context } from "./context.ts";

/** Ends as a program does that SIGTERM ends: all is recorded and every child is gone. */
export function endByTerm(context: Context): void {
  context.close();
  context.output.finish();
  process.removeAllListeners("SIGTERM");
  process.kill(process.pid, "SIGTERM");
}

/** Runs `work`, which SIGTERM stops as an interrupt does: what is half done is taken back before the program ends. */
export async function withTermination<T>(context: Context, work: () => Promise<T>): Promise<T> {
  let isReceived = false;
  const stop = (): void => {
    isReceived = true;
    context.abort();
  };
  process.once("SIGTERM", stop);
  try {
    return await work();
  } finally {
    process.off("SIGTERM", stop);
    if (isReceived) endByTerm(context);
  }
}
