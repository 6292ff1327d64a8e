import { setMaxListeners } from "node:events";
import type { CallOptions } from "@holdfast/core";
import type { Environment, Repo } from "@holdfast/core/api/open";
import { markOpening } from "./exit.ts";
import type { Globals } from "./globalValues.ts";
import { type Paint, paintFor } from "./render/colour.ts";
import { dumpJson } from "./render/json.ts";
import type { TextOutput } from "./render/text.ts";

/** What a command may ask of the program that runs it. */
export interface Host {
  /** Runs another command line as if it were typed, in this process. */
  run(words: readonly string[]): Promise<number>;
  /** A completion script of all commands. */
  completionScript(shell: "bash" | "zsh" | "fish"): Promise<string>;
}

/** What a command works with. */
export class Context {
  readonly host: Host;
  readonly env: Environment;
  readonly output: TextOutput;
  readonly globals: Globals;
  readonly #abort: AbortController = new AbortController();
  readonly #opened: Repo[] = [];

  constructor(env: Environment, output: TextOutput, globals: Globals, host: Host) {
    this.host = host;
    // Each transfer under way listens to it.
    setMaxListeners(0, this.#abort.signal);
    this.env = env;
    this.output = output;
    this.globals = globals;
  }

  /** Reporter and signal, to hand on to every call of the library. */
  get call(): CallOptions & { readonly waitForLock?: boolean } {
    return {
      reporter: this.output,
      signal: this.#abort.signal,
      ...(this.globals.waitForLock ? { waitForLock: true } : {}),
    };
  }

  /** What messages call the program. */
  get programName(): string {
    return this.env.programName;
  }

  /**
   * Opens the project around the working folder; closed when the command ends. Its failures always reach the top.
   * `uninitialized`: also where there is no `.dvc` folder.
   */
  async open(options: { readonly uninitialized?: boolean } = {}): Promise<Repo> {
    try {
      const { openProject } = await import("@holdfast/core/api/open");
      const repo = await openProject(this.env, {
        ...options,
        reporter: this.output,
        ...(this.globals.waitForLock ? { waitForLock: true } : {}),
      });
      this.#opened.push(repo);
      return repo;
    } catch (error) {
      throw markOpening(error);
    }
  }

  /** Closes what was opened. */
  close(): void {
    for (const repo of this.#opened.splice(0)) repo.close();
  }

  /** Asks everything under way to end. */
  abort(): void {
    this.#abort.abort();
  }

  /** Prints a line, unless quiet. */
  line(text: string): void {
    this.output.line(text);
  }

  /** Prints a line, also when quiet. */
  forced(text: string): void {
    this.output.forced(text);
  }

  /** Prints a table or other text of several lines; nothing when it is empty. Also when quiet, as DVC does. */
  block(text: string): void {
    if (text !== "") this.output.forced(text);
  }

  /** Prints as JSON: one line, or indented and coloured on a terminal. */
  json(value: unknown): void {
    const { isTty } = this.output.out;
    this.output.line(dumpJson(value, isTty ? 2 : undefined, this.paint));
  }

  /** Colours for stdout. */
  get paint(): Paint {
    return paintFor(this.output.out.isTty, this.env.env);
  }

  /** Asks on a terminal; elsewhere the answer is no. */
  readonly confirm = async (question: string): Promise<boolean> => {
    if (!this.output.out.isTty) return false;
    return this.confirmAlways(question);
  };

  /** Asks also when no terminal is there, and reads standard input; its end is a no. */
  readonly confirmAlways = async (question: string): Promise<boolean> => {
    const { askYesNo } = await import("./prompt.ts");
    return askYesNo(question, this.output);
  };
}
