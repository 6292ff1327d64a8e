import type { ChildProcess, SpawnSyncReturns } from "node:child_process";
import { ScmError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";

/** Output of a Git child larger than this is refused (bytes). */
const MAX_OUTPUT = 1 << 30;

/** After Git has ended, what it said is read for so long, ms. */
const LAST_WORDS_MS = 500;

/** How to call Git. */
export interface GitCall {
  readonly cwd: OsPath;
  readonly input?: string | Buffer;
  /** More output than this is refused (bytes), by a {@link TooMuchOutput}. */
  readonly maxOutput?: number;
  /** Exit codes that are answers; default only 0. */
  readonly allow?: readonly number[];
  /** Added to the child's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** For a tree that is not the user's own: hooks, file system monitors and external programs of its config stay off. */
  readonly untrusted?: boolean;
}

/** Git had more to say than was asked for. */
export class TooMuchOutput extends ScmError {}

/** What a call to Git gave. */
export interface GitAnswer {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/**
 * Settings for every call: no prompt of a pager, no file system monitor that the repository's config may name
 * (Git runs it as a program), no rewriting of file names.
 */
const ALWAYS = ["-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-c", "core.pager=cat"];
const UNTRUSTED = [
  "-c",
  "core.hooksPath=/dev/null",
  "-c",
  "protocol.ext.allow=never",
  "-c",
  "core.sshCommand=ssh",
  "-c",
  "core.gitProxy=",
  "-c",
  "submodule.recurse=false",
];

/** Variables that would point Git at another repository than the one asked for. */
const MISLEADING = new Set([
  "GIT_DIR",
  "GIT_WORK_TREE",
  "GIT_INDEX_FILE",
  "GIT_OBJECT_DIRECTORY",
  "GIT_ALTERNATE_OBJECT_DIRECTORIES",
  "GIT_NAMESPACE",
  "GIT_PREFIX",
  "GIT_COMMON_DIR",
  "GIT_CEILING_DIRECTORIES",
  "GIT_LITERAL_PATHSPECS",
  "GIT_GLOB_PATHSPECS",
  "GIT_NOGLOB_PATHSPECS",
  "GIT_ICASE_PATHSPECS",
  "GIT_QUARANTINE_PATH",
  "GIT_SHALLOW_FILE",
  "GIT_GRAFT_FILE",
  "GIT_EXTERNAL_DIFF",
]);

/** The environment for a Git child. */
export function gitEnvironment(
  environment: Environment,
  extra: Readonly<Record<string, string>> = {},
): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(environment.env))
    if (value !== undefined && !MISLEADING.has(name)) env[name] = value;
  env["LC_ALL"] = "C";
  env["GIT_OPTIONAL_LOCKS"] = "0";
  if (environment.interactive !== true) {
    env["GIT_TERMINAL_PROMPT"] = "0";
    env["GIT_ASKPASS"] ??= "true";
    env["SSH_ASKPASS"] ??= "true";
    env["GIT_SSH_COMMAND"] ??= "ssh -oBatchMode=yes";
  }
  return { ...env, ...extra };
}

/** Arguments that go before Git's own command. */
export function safetyArguments(untrusted: boolean): readonly string[] {
  return untrusted ? [...ALWAYS, ...UNTRUSTED] : ALWAYS;
}

/** Runs Git and waits. @throws {ScmError} when Git is missing or answers with a code that is not allowed. */
export function runGit(environment: Environment, args: readonly string[], call: GitCall): GitAnswer {
  // Loaded on first use: `status` needs no child process and should not pay for the module.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const child: SpawnSyncReturns<Buffer> = spawnSync("git", [...safetyArguments(call.untrusted === true), ...args], {
    cwd: call.cwd,
    env: gitEnvironment(environment, call.env),
    maxBuffer: call.maxOutput ?? MAX_OUTPUT,
    ...(call.input === undefined ? { stdio: ["ignore", "pipe", "pipe"] } : { input: call.input }),
  });
  // Git may refuse before it reads what it is given: its own words say why.
  const isUnread = (child.error as NodeJS.ErrnoException | undefined)?.code === "EPIPE" && child.status !== null;
  if (child.error !== undefined && !isUnread) throw spawnProblem(child.error);
  const answer: GitAnswer = { code: child.status ?? 128, stdout: child.stdout, stderr: child.stderr.toString("utf8") };
  if (!(call.allow ?? [0]).includes(answer.code)) {
    const ended = child.signal === null ? `exit code ${String(answer.code)}` : `ended by ${child.signal}`;
    throw new ScmError(`git ${verbOf(args)} failed: ${reasonOf(answer.stderr) || ended}`, hintFor(answer.stderr));
  }
  return answer;
}

/**
 * Runs Git while this process goes on: for commits, pushes and checkouts, which take long or run hooks that call us again.
 * @throws {ScmError} as {@link runGit}; with all that Git and its hooks said. The signal's reason, when Git was stopped by it.
 */
export async function runGitBeside(
  environment: Environment,
  args: readonly string[],
  call: GitCall & { readonly signal?: AbortSignal },
): Promise<GitAnswer> {
  const { spawn } = process.getBuiltinModule("node:child_process");
  call.signal?.throwIfAborted();
  const child = spawn("git", [...safetyArguments(call.untrusted === true), ...args], {
    cwd: call.cwd,
    env: gitEnvironment(environment, call.env),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const chunks: { out: Buffer[]; err: Buffer[] } = { out: [], err: [] };
  child.stdout.on("data", (chunk: Buffer) => chunks.out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.err.push(chunk));
  child.stdin.on("error", () => undefined); // Git may end without reading it
  child.stdin.end(call.input ?? "");
  const stop = (): void => void child.kill("SIGTERM");
  call.signal?.addEventListener("abort", stop, { once: true });
  const code = await ended(child).finally(() => call.signal?.removeEventListener("abort", stop));
  call.signal?.throwIfAborted();
  const answer = { code, stdout: Buffer.concat(chunks.out), stderr: Buffer.concat(chunks.err).toString("utf8") };
  if ((call.allow ?? [0]).includes(code)) return answer;
  const said = `${answer.stderr.trim()}\n${answer.stdout.toString("utf8").trim()}`.trim();
  const reason = said === "" ? `exit code ${String(code)}` : said;
  throw new ScmError(`git ${verbOf(args)} failed: ${reason}`, hintFor(answer.stderr));
}

/** The exit code, once all was read. What a hook left running in the background may hold the pipes open: that is not waited for. */
function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      reject(spawnProblem(error));
    });
    child.once("close", (status) => {
      resolve(status ?? 128);
    });
    child.once("exit", (status) => {
      setTimeout(() => {
        resolve(status ?? 128);
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, LAST_WORDS_MS).unref();
    });
  });
}

function verbOf(args: readonly string[]): string {
  return args.find((word) => !word.startsWith("-")) ?? "";
}

function spawnProblem(error: Error): ScmError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOBUFS") return new TooMuchOutput("Git answers with more than can be looked at");
  if (code === "ENOENT")
    return new ScmError("Git is not installed", {
      hint: "Install Git and make sure that `git` is on the PATH.",
      cause: undefined,
    });
  return new ScmError("cannot run Git", { cause: error });
}

/** Git looks at no repository of another user's: what to do about it. */
export function ownerHint(stderr: string): { readonly hint?: string } {
  const [, path] = /detected dubious ownership in repository at '(.*)'/.exec(stderr) ?? [];
  if (path === undefined) return {};
  return { hint: `It belongs to another user. If you trust it: git config --global --add safe.directory '${path}'` };
}

/** What to do about what Git said, where that is known. */
function hintFor(stderr: string): { readonly hint?: string } {
  const [, lock] = /Unable to create '(.*\.lock)': File exists/.exec(stderr) ?? [];
  if (lock === undefined) return ownerHint(stderr);
  return { hint: `Git works there, or was killed. If no Git runs: rm '${lock}', then run the command again.` };
}

/** Git's reason: what it calls fatal, else its last line. */
function reasonOf(text: string): string {
  const lines = text.trim().split("\n");
  const line = lines.find((one) => one.startsWith("fatal: ")) ?? lines.at(-1) ?? "";
  return line.replace(/^(fatal|error): /, "");
}

/** @throws {ScmError} for a word that Git would take for an option, or that holds a NUL. */
export function refuseOption(word: string, what: string): void {
  if (word.startsWith("-") || word.includes("\0")) throw new ScmError(`bad ${what} '${word}'`);
}
