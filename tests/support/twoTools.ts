import { spawn, spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { environment, linkAsDvc } from "../conformance/play.mjs";
import { BINARY } from "./rig.ts";

/** Where one of two tools works: what a command may name differs by these words alone. */
interface World {
  readonly base: string;
  readonly words: Readonly<Record<string, string>>;
  seen: Map<string, string>;
}

/** What one command of one tool left behind. */
export interface Outcome {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
  readonly changed: Readonly<Record<string, string | null>>;
}

/** Two equal folders with a repository each: in one DVC works, in the other we do, step by step. */
export class TwoTools {
  readonly #base = realpathSync(mkdtempSync(join(tmpdir(), "two-tools-")));
  readonly #us = linkAsDvc(BINARY);
  readonly #worlds: readonly [World, World];
  readonly #dvc: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(dvc: string, env: Readonly<Record<string, string>> = {}) {
    this.#dvc = dvc;
    this.#env = env;
    const world = (name: string): World => {
      const base = join(this.#base, name);
      mkdirSync(join(base, "repo"), { recursive: true });
      return { base, words: { DIR: base, OWN: `own-${name}` }, seen: new Map() };
    };
    this.#worlds = [world("dvc1"), world("us01")];
  }

  /** Real paths of the two working folders: DVC's, ours. */
  get folders(): readonly [string, string] {
    return [join(this.#worlds[0].base, "repo"), join(this.#worlds[1].base, "repo")];
  }

  /** What `<OWN>` stands for in each. */
  get owns(): readonly [string, string] {
    return [this.#worlds[0].words["OWN"] ?? "", this.#worlds[1].words["OWN"] ?? ""];
  }

  /** Both tools run the same words (`<OWN>`: a name of its own for each folder); `swapped`: each in the other's folder. DVC's outcome comes first. */
  async run(words: readonly string[], { swapped = false } = {}): Promise<readonly [Outcome, Outcome]> {
    const [first, second] = this.#worlds;
    const [ofDvc, ofUs] = swapped ? [second, first] : [first, second];
    return [await this.#runIn(this.#dvc, words, ofDvc), await this.#runIn(this.#us.program, words, ofUs)];
  }

  /** Runs Git in both folders. */
  git(...words: string[]): void {
    for (const world of this.#worlds) {
      const ran = spawnSync("git", words, { cwd: join(world.base, "repo"), env: this.#envOf(world), encoding: "utf8" });
      if (ran.status !== 0) throw new Error(`git ${words.join(" ")}: ${ran.stderr}`);
      world.seen = filesIn(join(world.base, "repo"));
    }
  }

  write(name: string, contents: string | Uint8Array): void {
    for (const folder of this.folders) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      rmSync(join(folder, name), { force: true });
      writeFileSync(join(folder, name), contents);
    }
  }

  /** Removes what is there. */
  forget(...names: string[]): void {
    for (const folder of this.folders)
      for (const name of names) rmSync(join(folder, name), { recursive: true, force: true });
  }

  close(): void {
    this.#us.close();
    rmSync(this.#base, { recursive: true, force: true });
  }

  #envOf(world: World): NodeJS.ProcessEnv {
    return { ...environment(world.base), ...this.#env };
  }

  async #runIn(program: string, words: readonly string[], world: World): Promise<Outcome> {
    const given = words.map((word) => word.replace(/<(\w+)>/g, (whole, name: string) => world.words[name] ?? whole));
    const child = spawn(program, given, {
      cwd: join(world.base, "repo"),
      env: this.#envOf(world),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [out, err] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    const exit = await new Promise<number>((resolve, reject) => {
      child.once("error", reject).once("close", (code) => resolve(code ?? 255));
    });
    const before = world.seen;
    world.seen = filesIn(join(world.base, "repo"));
    const changed = [...new Set([...before.keys(), ...world.seen.keys()])].filter(
      (path) => before.get(path) !== world.seen.get(path),
    );
    const plain = (text: string): string =>
      Object.entries(world.words).reduce((one, [name, value]) => one.replaceAll(value, `<${name}>`), text);
    const told = changed.map((path) => [path, plain(world.seen.get(path) ?? "gone")] as const);
    return { exit, out: plain(out), err: plain(err), changed: Object.fromEntries(told) };
  }
}

/** A file of data in one line; a small one with all its text. Caches and scratch folders are nobody's business here. */
function filesIn(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (folder: string): void => {
    for (const one of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? one.name : `${folder}/${one.name}`;
      if (/^(\.git|\.dvc\/(tmp|cache))$/.test(path)) continue;
      if (one.isDirectory()) visit(path);
      else found.set(path, textOf(join(root, path)));
    }
  };
  visit("");
  return found;
}

function textOf(path: string): string {
  const { size } = statSync(path);
  return size > 65_536 ? `${String(size)} bytes` : readFileSync(path, "utf8");
}
