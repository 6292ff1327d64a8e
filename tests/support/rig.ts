import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The built program. */
export const BINARY: string = join(
  dirname(fileURLToPath(import.meta.url)),
  "..",
  "..",
  "packages",
  "cli",
  "bin",
  "holdfast.js",
);

/** What one run left behind. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** How to run. */
export interface RunOptions {
  /** Relative to the rig's folder. */
  readonly cwd?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A temporary folder with everything a test of the program needs, isolated from the user's own settings. */
export class Rig {
  /** Real path of the working folder. */
  readonly dir: string;
  readonly #base: string;

  constructor() {
    this.#base = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-test-")));
    this.dir = join(this.#base, "work");
    mkdirSync(this.dir);
    mkdirSync(join(this.#base, "bin"));
    symlinkSync(BINARY, join(this.#base, "bin", "dvc"));
  }

  /** Makes the working folder a Git repository with an author. */
  git(...args: string[]): string {
    const words = args.length > 0 ? args : ["init", "-q", "-b", "main"];
    const ran = spawnSync("git", words, { cwd: this.dir, encoding: "utf8", env: this.#env() });
    if (ran.status !== 0) throw new Error(`git ${words.join(" ")}: ${ran.stderr}`);
    return ran.stdout;
  }

  /** Makes a project in a Git repository, with one commit. */
  project(): this {
    this.git();
    this.ok("init", "-q");
    this.git("commit", "-q", "-m", "init");
    return this;
  }

  /** Runs `holdfast` with these words. */
  run(words: readonly string[], options: RunOptions = {}): Ran {
    return this.#spawn(BINARY, words, options);
  }

  /** Runs it while this process goes on: for servers that the test itself is. */
  async runBeside(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const child = spawn(process.execPath, [BINARY, ...words], {
      cwd: join(this.dir, options.cwd ?? "."),
      env: { ...this.#env(), ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject).once("close", resolve);
    });
    return { code: code ?? -1, out, err };
  }

  /** Runs it through a link named `dvc`. */
  dvc(words: readonly string[], options: RunOptions = {}): Ran {
    return this.#spawn(join(this.#base, "bin", "dvc"), words, options);
  }

  /** Runs it and expects success; returns stdout. */
  ok(...words: string[]): string {
    const ran = this.run(words);
    if (ran.code !== 0)
      throw new Error(`holdfast ${words.join(" ")} exited with ${String(ran.code)}: ${ran.err}${ran.out}`);
    return ran.out;
  }

  /** Absolute path in the working folder. */
  path(name: string): string {
    return join(this.dir, name);
  }

  /** Writes a file, with its folders. */
  write(name: string, contents: string | Uint8Array): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), contents);
  }

  /** Reads a file as text; undefined when it is not there. */
  read(name: string): string | undefined {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), "utf8") : undefined;
  }

  /** Deletes everything. */
  close(): void {
    rmSync(this.#base, { recursive: true, force: true });
  }

  #spawn(program: string, words: readonly string[], options: RunOptions): Ran {
    const ran = spawnSync(process.execPath, [program, ...words], {
      cwd: join(this.dir, options.cwd ?? "."),
      encoding: "utf8",
      env: { ...this.#env(), ...options.env },
      input: options.input ?? "",
    });
    if (ran.error !== undefined) throw ran.error;
    return { code: ran.status ?? -1, out: ran.stdout, err: ran.stderr };
  }

  /** What the program sees of the environment. */
  get env(): Record<string, string> {
    return this.#env();
  }

  #env(): Record<string, string> {
    const config = join(this.#base, "config");
    return {
      PATH: process.env["PATH"] ?? "",
      HOME: join(this.#base, "home"),
      COLUMNS: "80",
      DVC_GLOBAL_CONFIG_DIR: join(config, "global"),
      DVC_SYSTEM_CONFIG_DIR: join(config, "system"),
      DVC_SITE_CACHE_DIR: join(config, "site"),
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "Test",
      GIT_AUTHOR_EMAIL: "test@example.com",
      GIT_COMMITTER_NAME: "Test",
      GIT_COMMITTER_EMAIL: "test@example.com",
    };
  }
}
