import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { portOpens } from "./ports.ts";

/** A server that was just started, and what is its. */
export interface ServerProcess {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: number;
  /** Its own folder, removed when it has stopped. */
  readonly home: string;
  /** Asks it to end; default SIGTERM. */
  readonly signal?: NodeJS.Signals;
}

/** Waits until the server listens. @returns what stops it. @throws with what it printed to a piped stderr */
export async function serving({
  name,
  child,
  port,
  home,
  signal = "SIGTERM",
}: ServerProcess): Promise<() => Promise<void>> {
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  const gone = new Promise<void>((resolve) =>
    child.once("exit", () => {
      resolve();
    }),
  );
  try {
    await portOpens(port, () => child.exitCode === null);
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(`${name} did not start: ${said}`, { cause: error });
  }
  return async () => {
    child.kill(signal);
    await gone;
    rmSync(home, { recursive: true, force: true });
  };
}
