import { ConfigError, DvcError, InvalidFileError, NotDvcRepoError } from "@holdfast/core";
import { pyRepr } from "./pyText.ts";
import { BrokenPipe } from "./render/streams.ts";
import type { TextOutput } from "./render/text.ts";

/** DVC's exit codes. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  brokenPipe: 141,
  config: 251,
  interrupted: 252,
  notARepo: 253,
  commandLine: 254,
  other: 255,
} as const;

/** A failure that a command reports itself: exit code 1, with what it was doing before the cause's text. */
export class CommandFailure extends Error {
  constructor(context: string, cause: unknown) {
    super(context, { cause });
  }
}

/** Runs `work`; an expected failure is reported with `context` before it and ends the command with exit code 1. */
export async function inContext<T>(context: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isExpected(error) && !openingFailures.has(error) ? new CommandFailure(context, error) : error;
  }
}

const openingFailures = new WeakSet();

/** Marks a failure to open the project: no command may turn it into its own. */
export function markOpening(error: unknown): unknown {
  if (typeof error === "object" && error !== null) openingFailures.add(error);
  return error;
}

/** Failures that go to the top whatever the command, as in DVC. */
const nobodysOwn: ReadonlySet<string> = new Set(["aborted", "auth", "ignore-file-inside"]);

/** Whether the library threw it on purpose, so that a command may call it its own failure. */
export function isExpected(error: unknown): error is DvcError {
  return error instanceof DvcError && !nobodysOwn.has(error.code);
}

/**
 * Prints what went wrong and says how to exit.
 * @param context what a command that reports its own failures was doing ("" for no text); undefined for all others
 */
export function reportFailure(error: unknown, context: string | undefined, output: TextOutput): number {
  if (error instanceof BrokenPipe || (error instanceof Error && error.cause instanceof BrokenPipe)) {
    return exitCodes.brokenPipe;
  }
  if (isInterrupt(error)) {
    output.log("ERROR", "interrupted by the user");
    return exitCodes.interrupted;
  }
  if (error instanceof CommandFailure) return finish(error.message, error.cause, exitCodes.failed, output);
  if (context !== undefined && isExpected(error) && !openingFailures.has(error)) {
    return finish(context, error, exitCodes.failed, output);
  }
  return reportTop(error, output);
}

function reportTop(error: unknown, output: TextOutput): number {
  if (error instanceof DvcError && error.code === "auth") {
    output.log("ERROR", `configuration error - ${chainText(error)}`);
    output.log(
      "ERROR",
      `${chainText(error)}\nLearn more about configuration settings at <https://man.dvc.org/remote/modify>.`,
    );
    return afterwards(error, exitCodes.config, output);
  }
  if (error instanceof ConfigError) return finish("configuration error", error, exitCodes.config, output);
  if (error instanceof NotDvcRepoError) return finish("", error, exitCodes.notARepo, output);
  if (error instanceof DvcError) return finish("", error, exitCodes.other, output);
  return reportUnexpected(error, output);
}

function reportUnexpected(error: unknown, output: TextOutput): number {
  if ((error as NodeJS.ErrnoException | undefined)?.code === "EMFILE") {
    output.log(
      "ERROR",
      "too many open files, please visit <https://error.dvc.org/many-files> to see how to handle this problem",
    );
    return exitCodes.other;
  }
  // What the machine refuses is nothing for a developer to look at.
  if (machineHint(error) !== undefined) return finish("", error, exitCodes.other, output);
  output.log("ERROR", `unexpected error - ${chainText(error)}`);
  if (error instanceof Error && error.stack !== undefined && output.isVerbose) output.errorLine(error.stack);
  output.errorLine("\nHaving any troubles? Hit us up at https://dvc.org/support, we are always happy to help!");
  return exitCodes.other;
}

function finish(context: string, error: unknown, code: number, output: TextOutput): number {
  // DVC prints what is wrong in a file bare, without its own prefix.
  if (error instanceof InvalidFileError && !output.isVerbose) {
    output.note(textOf(error));
    return afterwards(error, code, output);
  }
  const text = chainText(error);
  output.log("ERROR", context === "" ? text : text === "" ? context : `${context} - ${text}`);
  return afterwards(error, code, output);
}

function afterwards(error: unknown, code: number, output: TextOutput): number {
  if (error instanceof Error && error.stack !== undefined && output.isVerbose) output.errorLine(error.stack);
  const hint = hintOf(error);
  if (hint !== undefined && hint !== "") output.note(hint);
  return code;
}

function hintOf(error: unknown): string | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof DvcError && at.hint !== undefined) return at.hint;
  }
  return machineHint(error);
}

const machineHints: Readonly<Record<string, string>> = {
  ENOSPC: "Make room on that disk, then run the command again.",
  EDQUOT: "Your share of that disk is full: make room, then run the command again.",
  EROFS: "That disk can only be read: make it writable, or work elsewhere.",
  EIO: "The disk reports a failure: look at it, then run the command again.",
  EACCES: "You may not do that there: look at the owner and the mode of the file and its folder.",
  EPERM: "You may not do that there: look at the owner and the mode of the file and its folder.",
  EMFILE: "Raise the limit (`ulimit -n`), or ask for less at a time (`--jobs`).",
  ENFILE: "Raise the limit (`ulimit -n`), or ask for less at a time (`--jobs`).",
  ENOMEM: "Free some memory, then run the command again.",
  EINTR: "A signal came in between: run the command again.",
  EFBIG: "No file may be so large there: raise the limit (`ulimit -f`), or use another file system.",
  EAGAIN: "No more processes can be started (`ulimit -u`): end some, then run the command again.",
  ENOENT: "It is not there, or was moved away while the command ran: look what is there, then run the command again.",
  ENAMETOOLONG: "No file can have such a name here: look at the file that names it.",
  ENOTDIR: "A part of that path is a file, not a folder.",
  ELOOP: "Symbolic links there lead to each other: remove them, or let them lead elsewhere.",
};

const USED = "Something uses it: end that, then run the command again.";
const UNABLE = "The file system there can't do that: use another one.";
const SILENT = "The file system there does not answer: look whether it is mounted, then run the command again.";
/** The same for what is said of files only: sockets know these numbers, too. */
const fileHints: Readonly<Record<string, string>> = {
  EBUSY: USED,
  ETXTBSY: USED,
  ENOTEMPTY: "Something else came there while the command ran: look what is there, then run the command again.",
  EXDEV: "The two lie on different file systems, or on layers of one: look what is mounted there.",
  EMLINK: "A file can have no more names there: set `cache.type` to `copy`.",
  ENOTSUP: UNABLE,
  EOPNOTSUPP: UNABLE,
  ENOSYS: UNABLE,
  ESTALE: SILENT,
  ENOTCONN: SILENT,
  ENODEV: SILENT,
  ENXIO: SILENT,
};

/** What to do when the operating system refuses, which is nobody's slip. */
function machineHint(error: unknown): string | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code, syscall, path } = at as NodeJS.ErrnoException;
    // `--cd` of a folder that is not there: DVC's own text.
    if (syscall === "chdir") return undefined;
    if (syscall === undefined || code === undefined) continue;
    const hints = path !== undefined && Object.hasOwn(fileHints, code) ? fileHints : machineHints;
    if (Object.hasOwn(hints, code)) return hints[code];
  }
  return undefined;
}

function isInterrupt(error: unknown): boolean {
  if (error instanceof DvcError) return error.code === "aborted";
  return error instanceof Error && error.name === "AbortError";
}

/** The texts of an error and its causes, joined as DVC joins them. */
export function chainText(error: unknown): string {
  const texts: string[] = [];
  for (let at: unknown = error; at !== undefined && at !== null; at = at instanceof Error ? at.cause : undefined) {
    // A text that only repeats the system's own.
    if (at instanceof Error && at.cause instanceof Error && at.message === at.cause.message) continue;
    const text = at instanceof InvalidFileError && texts.length > 0 ? at.oneLine : textOf(at);
    if (!isSaid(text, texts.at(-1))) texts.push(text);
  }
  return texts.join(": ");
}

/** What the library says of an error of the system is its text already, and the file besides. */
function isSaid(text: string, before: string | undefined): boolean {
  return text === before || (text.startsWith("[Errno ") && before?.startsWith(text) === true);
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof ConfigError && error.code === "config" && !error.message.startsWith("config file error")) {
    return `config file error: ${error.message}`;
  }
  return systemText(error) ?? error.message;
}

const systemTexts: Readonly<Record<string, string>> = {
  ENOENT: "No such file or directory",
  EACCES: "Permission denied",
  EPERM: "Operation not permitted",
  EEXIST: "File exists",
  ENOTDIR: "Not a directory",
  EISDIR: "Is a directory",
  ENOSPC: "No space left on device",
  EROFS: "Read-only file system",
  ENOTEMPTY: "Directory not empty",
  ELOOP: "Too many levels of symbolic links",
  EXDEV: "Invalid cross-device link",
  ENAMETOOLONG: "File name too long",
  EDQUOT: "Disk quota exceeded",
  EIO: "Input/output error",
  EBUSY: "Device or resource busy",
  EMFILE: "Too many open files",
  ENFILE: "Too many open files in system",
  ENOMEM: "Cannot allocate memory",
  EAGAIN: "Resource temporarily unavailable",
  EFBIG: "File too large",
  EINTR: "Interrupted system call",
};

/** Python's text of an operating system error: `[Errno 2] No such file or directory: '/x'`. */
function systemText(error: NodeJS.ErrnoException & { readonly dest?: string }): string | undefined {
  const text = error.code === undefined ? undefined : systemTexts[error.code];
  if (text === undefined || error.errno === undefined || error.syscall === undefined) return undefined;
  const paths = [error.path, error.dest].filter((path) => path !== undefined).map(pyRepr);
  return `[Errno ${String(Math.abs(error.errno))}] ${text}${paths.length > 0 ? `: ${paths.join(" -> ")}` : ""}`;
}
