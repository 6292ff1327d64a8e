import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect } from "vitest";
import { Sandbox } from "../faultRun.ts";
import { filesUnder, md5Of, objectsIn } from "../killing.ts";
import { type Data, fileOf, type Name, NAMES } from "./data.ts";

/** How one command ended. */
export interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/** Everything on a disk that a test compares, by path. */
export type Picture = Readonly<Record<string, string>>;

/** A project with a remote on disk, and what must hold after each command there. */
export class World {
  readonly #box: Sandbox;
  readonly project: string;
  readonly remote: string;
  readonly log: string[] = [];

  /** `cacheType`: as in the config. */
  constructor(cacheType: string) {
    this.#box = new Sandbox();
    this.project = this.#box.project;
    this.remote = join(this.#box.root, "remote");
    this.#box.script(`
      git init -q -b main
      holdfast init -q
      holdfast remote add -q -d store ../remote
      holdfast config cache.type ${cacheType}
      mkdir ../outside && echo precious > ../outside/precious
    `);
    this.commit();
  }

  /** Runs the program, and checks what must hold whatever it did. `mayDelete`: objects of the remote may go. */
  run(args: readonly string[], { mayDelete = false }: { readonly mayDelete?: boolean } = {}): Ended {
    const before = this.contents();
    const there = objectsIn(this.remote);
    const ended = this.#box.run(args);
    this.log.push(`${args.join(" ")} -> ${String(ended.code)} ${ended.said.trim()}`);
    const after = this.contents();
    for (const one of before.keys()) if (!after.has(one)) throw new Error(`${before.get(one) ?? ""} is gone`);
    if (!mayDelete) expect([...objectsIn(this.remote)]).toEqual(expect.arrayContaining([...there]));
    this.#checkRemote();
    objectsIn(this.#cache);
    expect(readFileSync(join(this.#box.root, "outside", "precious"), "utf8")).toBe("precious\n");
    expect(ended.said).not.toMatch(/^ {4}at |unexpected error/m);
    expect(this.#leftovers()).toEqual([]);
    return ended;
  }

  /** Runs the program and checks that it writes nothing but its own state. */
  look(args: readonly string[]): Ended {
    const before = this.everything();
    const ended = this.run(args);
    expect(this.everything()).toEqual(before);
    return ended;
  }

  /** Runs Git; returns what it prints. */
  git(...args: string[]): string {
    return this.gitAt(this.project, ...args);
  }

  /** Runs Git elsewhere. */
  gitAt(folder: string, ...args: string[]): string {
    const ran = spawnSync("git", args, { cwd: folder, env: this.#box.env, encoding: "utf8" });
    if (ran.status !== 0) throw new Error(`git ${args.join(" ")}: ${ran.stderr}`);
    return ran.stdout;
  }

  /** Commits pointers and ignore files; data never. */
  commit(): void {
    this.git("add", "-u");
    const files = filesUnder(this.project).map((path) => relative(this.project, path));
    const own = files.filter((path) => /^(?!\.git\/|\.dvc\/).*(\.dvc|\.gitignore|\.dvcignore)$/.test(path));
    this.git("add", ".dvc/config", ...own);
    this.git("commit", "-q", "--allow-empty", "-m", "state");
  }

  /** Clones what is committed, pulls there, and returns how that ended and what is there then. */
  freshClone(): Ended & { readonly held: ReadonlyMap<Name, Data> } {
    const clone = join(this.#box.root, "clone");
    rmSync(clone, { recursive: true, force: true });
    this.gitAt(this.#box.root, "clone", "-q", this.project, clone);
    const ended = this.#box.run(["--cd", clone, "pull"]);
    const held = heldIn(clone);
    rmSync(clone, { recursive: true });
    return { ...ended, held };
  }

  /** What the paths of the walk hold. */
  held(): ReadonlyMap<Name, Data> {
    return heldIn(this.project);
  }

  /** The hashes that the pointer files name. */
  pointers(): ReadonlyMap<Name, string> {
    const found = new Map<Name, string>();
    for (const name of NAMES) {
      const file = join(this.project, `${name}.dvc`);
      const [, oid] = existsSync(file) ? (/md5: (\S+)/.exec(readFileSync(file, "utf8")) ?? []) : [];
      if (oid !== undefined) found.set(name, oid);
    }
    return found;
  }

  /** The objects of the cache. */
  cached(): Set<string> {
    return namesIn(this.#cache);
  }

  /** The objects of the remote. */
  stored(): Set<string> {
    return namesIn(this.remote);
  }

  /** Workspace, pointers and ignore files. */
  workspace(): Picture {
    return this.#picture((name) => !/^project\/\.(dvc|git)\/|^(?!project\/)/.test(name));
  }

  /** The same with links into the cache as what they lead to: undo gives contents back, not how they were stored. */
  contentsOf(picture: Picture): Picture {
    const object = /\.dvc\/cache\/files\/md5\/([0-9a-f]{2})\/([0-9a-f]{30})$/;
    return Object.fromEntries(
      Object.entries(picture).map(([name, held]) => [name, object.exec(held)?.slice(1).join("") ?? held]),
    );
  }

  /** All but Git, the program's own state, and homes. */
  everything(): Picture {
    return this.#picture(
      (name) => !/^project\/\.(git\/|dvc\/tmp\/(?!trash))|^(site|global|system|\.c\w+)\//.test(name),
    );
  }

  /** Files of the journal that hold at least one step, oldest first; not what `undo` itself notes. */
  journal(): string[] {
    const folder = join(this.project, ".dvc", "tmp", "journal");
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .sort()
      .filter((name) => {
        const lines = readFileSync(join(folder, name), "utf8").split("\n");
        return lines.length > 2 && (JSON.parse(lines[0] ?? "") as { verb: string }).verb !== "undo";
      });
  }

  /** Whether an entry of the journal was taken back. */
  isUndone(entry: string): boolean {
    return readFileSync(join(this.project, ".dvc", "tmp", "journal", entry), "utf8").includes('{"undone":true}');
  }

  /** Puts data there by hand, in place of what is there: never through a link into the cache. */
  put(name: Name, data: Data): void {
    rmSync(join(this.project, name), { recursive: true, force: true });
    mkdirSync(join(this.project, data.has("") ? dirname(name) : name), { recursive: true });
    for (const [inner, text] of data) this.edit(name, inner, text);
  }

  /** Replaces or deletes one file by hand. */
  edit(name: Name, inner: string, text: string | undefined): void {
    const path = join(this.project, name, inner);
    rmSync(path, { recursive: true, force: true });
    if (text === undefined) return;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** Deletes by hand. */
  delete(path: string): void {
    rmSync(join(this.project, path), { recursive: true, force: true });
  }

  /** Whether something is there. */
  isThere(path: string): boolean {
    return lstatSync(join(this.project, path), { throwIfNoEntry: false }) !== undefined;
  }

  /** Every content that is somewhere in the project, and one place of it. */
  contents(): Map<string, string> {
    const found = new Map<string, string>();
    for (const path of filesUnder(this.project)) {
      const name = relative(this.project, path);
      if (
        /^\.git\/|^\.dvc\/(?!cache|tmp\/(trash|quarantine))|\/record\.json$|\.gitignore$|\.dvc$|^\.dvcignore$/.test(
          name,
        )
      )
        continue;
      if (existsSync(path)) found.set(md5Of(path), name);
    }
    return found;
  }

  /** Deletes it all. */
  remove(): void {
    this.#box.remove();
  }

  get #cache(): string {
    return join(this.project, ".dvc", "cache");
  }

  /** A manifest on the remote promises its files. */
  #checkRemote(): void {
    const names = this.stored();
    for (const path of filesUnder(this.remote)) {
      if (!path.endsWith(".dir")) continue;
      const entries = JSON.parse(readFileSync(path, "utf8")) as { md5: string }[];
      for (const { md5 } of entries)
        if (!names.has(md5)) throw new Error(`${path} is on the remote, its ${md5} is not`);
    }
  }

  #leftovers(): string[] {
    return filesUnder(this.#box.root).filter((path) => path.endsWith(".hftmp"));
  }

  #picture(counts: (name: string) => boolean): Picture {
    const held: Record<string, string> = {};
    for (const path of filesUnder(this.#box.root)) {
      const name = relative(this.#box.root, path);
      if (counts(name)) held[name] = lstatSync(path).isSymbolicLink() ? readlinkSync(path) : md5Of(path);
    }
    return held;
  }
}

function heldIn(project: string): ReadonlyMap<Name, Data> {
  const found = new Map<Name, Data>();
  for (const name of NAMES) {
    const path = join(project, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (!stat.isDirectory()) found.set(name, fileOf(readFileSync(path, "utf8")));
    else found.set(name, new Map(filesUnder(path).map((file) => [relative(path, file), readFileSync(file, "utf8")])));
  }
  return found;
}

/** With ".dir" where it is a manifest. */
function namesIn(store: string): Set<string> {
  const names = filesUnder(store).flatMap((path) => /\/([0-9a-f]{2}\/[0-9a-f]{30}(\.dir)?)$/.exec(path)?.[1] ?? []);
  return new Set(names.map((name) => name.replace("/", "")));
}
