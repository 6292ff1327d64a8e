import type { ChildProcess } from "node:child_process";
import { DvcError } from "../base/errors.ts";

/** After a signal the children have so long to end by themselves, in ms. */
const GRACE_MS = 10_000;

const running = new Map<ChildProcess, { readonly isGroup: boolean }>();
let received: "SIGINT" | "SIGTERM" | undefined;
let restore: (() => void) | undefined;

/** The signal that has ended the commands of this process; undefined while there was none. */
export function interruption(): "SIGINT" | "SIGTERM" | undefined {
  return received;
}

/** @throws {DvcError} when a signal has ended the commands of this process: nothing more is to begin */
export function throwIfInterrupted(): void {
  if (received !== undefined) throw new DvcError("interrupted by the user", { code: "aborted" });
}

/** How a child is looked after. */
export interface Guard {
  /** It leads a process group of its own, which a terminal's interrupt does not reach. */
  readonly isGroup: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Starts a child and looks after it until it has ended; signals are heard from before it begins. An interrupt is the command's to handle (it may take its time to save its work):
 * one in this process's own group has it from the terminal, groups are handed it on. SIGTERM is handed on to all. Groups
 * that are there after a while are killed. When `signal` aborts, the child is ended.
 */
export function startGuarded(start: () => ChildProcess, guard: Guard): ChildProcess {
  restore ??= listen();
  let child: ChildProcess;
  try {
    child = start();
  } catch (error) {
    stopListening();
    throw error;
  }
  running.set(child, guard);
  const end = (): void => {
    pass(child, guard, "SIGTERM");
    killLater();
  };
  guard.signal?.addEventListener("abort", end, { once: true });
  const forget = (): void => {
    guard.signal?.removeEventListener("abort", end);
    running.delete(child);
    // What a command leaves behind in its group may not have heard of an interrupt: shells let "&" ignore it.
    if (received !== undefined && guard.isGroup) pass(child, guard, "SIGTERM");
    stopListening();
  };
  child.once("exit", forget);
  child.once("error", forget);
  return child;
}

/** Once no child is left. */
function stopListening(): void {
  if (running.size > 0) return;
  restore?.();
  restore = undefined;
}

/** Puts handlers of our own in the place of the program's; gives back how to undo it. */
function listen(): () => void {
  const handlers = process.listeners("SIGINT");
  const onInterrupt = (): void => {
    onSignal("SIGINT");
  };
  const onTerminate = (): void => {
    onSignal("SIGTERM");
  };
  process.removeAllListeners("SIGINT");
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  return () => {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onTerminate);
    for (const handler of handlers) process.on("SIGINT", handler);
  };
}

function onSignal(signal: "SIGINT" | "SIGTERM"): void {
  if (signal === "SIGTERM" || [...running.values()].some((guard) => guard.isGroup)) received ??= signal;
  for (const [child, guard] of running) if (signal === "SIGTERM" || guard.isGroup) pass(child, guard, signal);
  killLater();
}

/** Ends for good what is still there after the grace period. */
function killLater(): void {
  const late = [...running].filter(([, guard]) => guard.isGroup || received === "SIGTERM");
  setTimeout(() => {
    for (const [child, guard] of late) if (running.has(child)) pass(child, guard, "SIGKILL");
  }, GRACE_MS).unref();
}

function pass(child: ChildProcess, guard: Guard, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (guard.isGroup && process.platform !== "win32") process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // it has just ended
  }
}
