/**
 * What can go wrong, as one class tree. The library only throws these for expected failures; anything else is a bug.
 * The CLI alone turns them into text and exit codes.
 */

import { withoutSecrets } from "./secretText.ts";

/** Stable machine-readable name of a failure; documented in `docs/errors.md`. */
export type ErrorCode =
  | "usage"
  | "config"
  | "no-remote"
  | "not-a-repo"
  | "format"
  | "graph"
  | "lock"
  | "storage"
  | "auth"
  | "corrupt-object"
  | "unsafe-path"
  | "untrusted"
  | "ignore-file-inside"
  | "missing-object"
  | "not-found"
  | "exists"
  | "unsaved-files"
  | "checkout"
  | "stage-run"
  | "scm"
  | "io"
  | "aborted"
  | "unsupported";

/** Options every error takes. */
export interface ErrorOptionsWithHint {
  readonly code?: ErrorCode;
  /** What the user can do next, one sentence; printed after the message. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * Base of all expected failures. `message` is DVC's text where DVC has one, without the passwords of URLs. A chain of `cause`s
 * prints joined by ": ".
 */
export class DvcError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  constructor(message: string, options: ErrorOptionsWithHint = {}) {
    super(withoutSecrets(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code ?? "usage";
    this.hint = options.hint;
  }
}

/** A bad target or argument. */
export class UsageError extends DvcError {}

/** An invalid configuration (exit class 251). */
export class ConfigError extends DvcError {
  constructor(message: string, options: ErrorOptionsWithHint = {}) {
    super(message, { code: "config", ...options });
  }
}

/** A dvc.yaml, dvc.lock or .dvc file that Git ignores: it would be lost with the next clone. */
export class GitIgnoredError extends DvcError {}

/** The folder is not inside a project (exit class 253). */
export class NotDvcRepoError extends DvcError {
  constructor(message: string, options: ErrorOptionsWithHint = {}) {
    super(message, { code: "not-a-repo", ...options });
  }
}

/** Text that does not parse or does not fit its schema. `line` and `column` count from 1. */
export class FormatError extends DvcError {
  readonly file: string;
  readonly line: number | undefined;
  readonly column: number | undefined;
  constructor(message: string, at: { file: string; line?: number; column?: number } & ErrorOptionsWithHint) {
    super(message, { code: "format", ...at });
    this.file = at.file;
    this.line = at.line;
    this.column = at.column;
  }
}

/** A file that should be text and is not UTF-8. */
export class EncodingError extends FormatError {
  constructor(file: string) {
    super(`unable to read: '${file}', is not valid utf-8`, { file });
  }
}

/** A file of the project that does not parse or does not fit. The message is a page of its own, with an excerpt of the file. */
export class InvalidFileError extends FormatError {
  /** In one line, for a message that tells it as a cause. */
  readonly oneLine: string;
  constructor(
    message: string,
    at: { file: string; line?: number; column?: number; oneLine?: string } & ErrorOptionsWithHint,
  ) {
    super(message, at);
    this.oneLine = at.oneLine ?? message;
  }

  /** The same, its headline naming the commit (shortened) that holds the file. */
  inRevision(rev: string): InvalidFileError {
    const [headline = "", ...page] = this.message.split("\n");
    if (headline.includes(" in revision '")) return this;
    const withRev = (text: string): string =>
      text.replace(/^('.*' (?:is invalid|validation failed))/, `$1 in revision '${rev}'`);
    const { line, column } = this;
    return new InvalidFileError([withRev(headline), ...page].join("\n"), {
      file: this.file,
      ...(this.oneLine === this.message ? {} : { oneLine: withRev(this.oneLine) }),
      ...(line === undefined ? {} : { line }),
      ...(column === undefined ? {} : { column }),
    });
  }
}

/** A cycle, an overlap, a duplicate output. */
export class GraphError extends DvcError {
  constructor(message: string, options: ErrorOptionsWithHint = {}) {
    super(message, { code: "graph", ...options });
  }
}

/** The repository lock or a path lock is held by somebody else. */
export class LockError extends DvcError {
  constructor(message: string, options: ErrorOptionsWithHint = {}) {
    super(message, { code: "lock", ...options });
  }
}

/** A storage failed. `retryable` says whether trying the same call again may help. */
export class StorageError extends DvcError {
  readonly protocol: string;
  readonly path: string;
  readonly retryable: boolean;
  /** The server asked to be left alone for so long (ms). */
  retryAfterMs: number | undefined;
  constructor(message: string, at: { protocol: string; path: string; retryable?: boolean } & ErrorOptionsWithHint) {
    super(message, { code: "storage", ...at });
    this.protocol = at.protocol;
    this.path = at.path;
    this.retryable = at.retryable ?? false;
  }
}

/** Whether `error` says that there is no such file. */
export function isNotFound(error: unknown): boolean {
  return error instanceof StorageError && error.code === "not-found";
}

/** An object whose bytes do not have the hash that names it. */
export class CorruptObjectError extends DvcError {
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  constructor(message: string, at: { path: string; expected: string; actual: string } & ErrorOptionsWithHint) {
    super(message, { code: "corrupt-object", ...at });
    this.path = at.path;
    this.expected = at.expected;
    this.actual = at.actual;
  }
}

/** A path in an untrusted file that would leave its folder, or touch `.git` or `.dvc`. */
export class UnsafePathError extends DvcError {
  constructor(message: string, options: ErrorOptionsWithHint = {}) {
    super(message, { code: "unsafe-path", ...options });
  }
}

/** Outputs that could not be checked out. `targets` are relative to the working folder, in the order found. */
export class CheckoutError extends DvcError {
  readonly targets: readonly string[];
  /** What had been changed before the failure, in the shape of `CheckoutResult`. */
  readonly result: unknown;
  constructor(targets: readonly string[], result: unknown, hint?: string) {
    super(
      `Checkout failed for following targets:\n${targets.join("\n")}\nIs your cache up to date?\n<https://error.dvc.org/missing-files>`,
      { code: "checkout", ...(hint === undefined ? {} : { hint }) },
    );
    this.targets = targets;
    this.result = result;
  }
}

/** A stage's command failed. */
export class StageRunError extends DvcError {
  readonly stage: string;
  readonly exitCode: number | undefined;
  constructor(message: string, at: { stage: string; exitCode?: number } & ErrorOptionsWithHint) {
    super(message, { code: "stage-run", ...at });
    this.stage = at.stage;
    this.exitCode = at.exitCode;
  }
}

/** Git failed or is missing. */
export class ScmError extends DvcError {
  constructor(message: string, options: ErrorOptionsWithHint = {}) {
    super(message, { code: "scm", ...options });
  }
}
