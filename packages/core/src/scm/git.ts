import { chmodSync, existsSync, readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { ScmError } from "../base/errors.ts";
import { isInside, type OsPath, posixRelative, type RelPath } from "../base/paths.ts";
import { type Environment, expandHome } from "../base/platform.ts";
import { parseGitConfig } from "./gitConfig.ts";
import { ancestorBy, peeledCommit } from "./gitHistory.ts";
import { GitObjects } from "./gitObjects.ts";
import { type GitAnswer, type GitCall, refuseOption, runGit, runGitBeside } from "./gitProcess.ts";
import { findGitLayout, type GitLayout, listRefs, readHead, readRef } from "./gitRefs.ts";
import { GitTree } from "./gitTree.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { ofFile } from "../base/ofFile.ts";

/** Of a tag: what it is and its id; of one that is annotated also what it is of. */
export interface ListedTag {
  readonly type: string | undefined;
  readonly sha: string | undefined;
  readonly peeledType: string | undefined;
  readonly peeled: string | undefined;
}

/** What `git status` says. Paths are relative to the top folder. */
export interface GitStatus {
  /** Whether anything that Git tracks differs from HEAD, staged or not. */
  readonly isDirty: boolean;
  readonly untracked: readonly RelPath[];
}

const SHA = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/** So many characters of paths fit into one command line everywhere. */
const MOST_CHARACTERS = 100_000;

/** A Git repository. HEAD, branches and settings are read from files; all else asks the `git` program. */
export class Git {
  readonly layout: GitLayout;
  readonly #environment: Environment;
  readonly #untrusted: boolean;
  readonly #isPartial: boolean;
  readonly #trees = new Map<string, GitTree>();
  #objects: GitObjects | undefined;

  /**
   * `untrusted`: a clone of somebody else's; nothing that its own config names is run. `isPartial`: contents of files are
   * fetched from its `origin` when they are read.
   */
  constructor(layout: GitLayout, environment: Environment, options: { untrusted?: boolean; isPartial?: boolean } = {}) {
    this.layout = layout;
    this.#environment = environment;
    this.#untrusted = options.untrusted === true;
    this.#isPartial = options.isPartial === true;
  }

  /** The repository that holds `start`; undefined when there is none. No child process. */
  static find(start: OsPath, environment: Environment, options: { untrusted?: boolean } = {}): Git | undefined {
    const layout = findGitLayout(start);
    return layout === undefined ? undefined : new Git(layout, environment, options);
  }

  /** Top folder of the working tree. */
  get root(): OsPath {
    return this.layout.root;
  }

  get gitDir(): OsPath {
    return this.layout.gitDir;
  }

  /** Commit that HEAD stands for; undefined before the first commit. No child process. */
  head(): string | undefined {
    const head = readHead(this.layout);
    if (head.ref === "refs/heads/.invalid") return this.#verify("HEAD");
    return head.ref === undefined ? head.sha : readRef(this.layout, head.ref);
  }

  /** Name of the branch that HEAD is on; undefined when detached. No child process. */
  currentBranch(): string | undefined {
    const { ref } = readHead(this.layout);
    return ref?.startsWith("refs/heads/") === true ? ref.slice("refs/heads/".length) : undefined;
  }

  /**
   * The commit that a revision names: `HEAD`, a branch, a tag, a hash, `main~2`; a branch of a remote by its bare name.
   * @throws {ScmError} `unknown Git revision 'x'`, `ambiguous Git revision 'x'`.
   */
  resolveRev(rev: string): string {
    if (rev.startsWith("-") || rev === "" || rev.includes("\0")) throw new ScmError(`unknown Git revision '${rev}'`);
    return this.#fromFiles(rev) ?? this.#verify(rev) ?? this.#fromRemotes(rev);
  }

  /** What needs no child: HEAD, a branch, a tag, a full hash, each with steps back (`main~2`, `v1.0^`). */
  #fromFiles(rev: string): string | undefined {
    const [, name = "", steps = ""] = /^([^~^:@{]+)((?:[~^]\d*)*)$/.exec(rev) ?? [];
    const start = this.#named(name);
    if (start === undefined) return undefined;
    if (steps === "" && (name === "HEAD" || start.isCommit)) return start.sha;
    return this.objects.reading((objects) => {
      const commit = peeledCommit(objects, start.sha);
      return commit === undefined || steps === "" ? commit : ancestorBy(objects, commit, steps);
    });
  }

  /** What a plain name stands for. A name that several things have, or a file of Git's, is left to Git. */
  #named(name: string): { readonly sha: string; readonly isCommit: boolean } | undefined {
    if (name === "HEAD") {
      const sha = this.head();
      return sha === undefined ? undefined : { sha, isCommit: true };
    }
    if (name === "") return undefined;
    if (SHA.test(name)) return { sha: name, isCommit: false };
    if (existsSync(join(this.gitDir, name))) return undefined;
    const tag = readRef(this.layout, `refs/tags/${name}`);
    const branch = readRef(this.layout, `refs/heads/${name}`);
    if (tag !== undefined) return branch === undefined ? { sha: tag, isCommit: false } : undefined;
    return branch === undefined ? undefined : { sha: branch, isCommit: true };
  }

  /** Git's objects, as far as they can be read without Git. */
  get objects(): GitObjects {
    return (this.#objects ??= new GitObjects(this.layout));
  }

  #fromRemotes(rev: string): string {
    const found = new Set<string>();
    for (const [name, sha] of listRefs(this.layout, "refs/remotes/")) {
      if (name.slice("refs/remotes/".length).replace(/^[^/]+\//, "") === rev) found.add(sha);
    }
    const [only, ...more] = found;
    if (more.length > 0) throw new ScmError(`ambiguous Git revision '${rev}'`);
    if (only === undefined) throw new ScmError(`unknown Git revision '${rev}'`);
    return only;
  }

  #verify(rev: string): string | undefined {
    // After `:/` everything is text to look for; what it finds is a commit.
    const asked = rev.startsWith(":/") ? rev : `${rev}^{commit}`;
    const { code, stdout } = this.run(["rev-parse", "--verify", "--quiet", "--end-of-options", asked], {
      allow: [0, 1, 128],
    });
    const sha = stdout.toString("latin1").trim();
    return code === 0 && SHA.test(sha) ? sha : undefined;
  }

  /** Local branches, name to commit, sorted by name. No child process. */
  branches(): Map<string, string> {
    const prefix = "refs/heads/";
    return new Map([...listRefs(this.layout, prefix)].map(([name, sha]) => [name.slice(prefix.length), sha]));
  }

  /** Tags, name to commit, sorted by name. Tags of something that is no commit are left out. */
  tags(): Map<string, string> {
    const lines = this.#lines([
      "for-each-ref",
      "--format=%(refname) %(objecttype) %(objectname) %(*objecttype) %(*objectname)",
      "refs/tags/",
    ]);
    const tags = new Map<string, string>();
    for (const line of lines) {
      const [ref = "", type, sha, peeledType, peeled] = line.split(" ");
      const name = ref.slice("refs/tags/".length);
      const commit = this.commitOfTag(name, { type, sha, peeledType, peeled });
      if (commit !== undefined) tags.set(name, commit);
    }
    return new Map([...tags].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** The commit that a tag leads to, by what `for-each-ref` says of it, also by way of other tags; undefined when it is of something else. */
  commitOfTag(name: string, { type, sha, peeledType, peeled }: ListedTag): string | undefined {
    if (type === "commit") return sha;
    if (peeledType === "commit") return peeled;
    return peeledType === "tag" ? this.#verify(`refs/tags/${name}`) : undefined;
  }

  /** Every commit that HEAD, a branch, a remote's branch or a tag reaches, newest first. */
  allCommits(): string[] {
    const head = this.head();
    return this.#lines(["rev-list", ...(head === undefined ? [] : [head]), "--branches", "--tags", "--remotes"]);
  }

  /** `rev` and its first parents, at most `count` (negative: all), newest first. */
  ancestors(rev: string, count: number): string[] {
    if (count === 0) return [];
    const limit = count < 0 ? [] : [`--max-count=${String(count)}`];
    return this.#lines(["rev-list", "--first-parent", ...limit, this.resolveRev(rev)]);
  }

  /** Commits made on or after a day (`YYYY-MM-DD`, local time), newest first. */
  commitsSince(day: string): string[] {
    const [year = 0, month = 0, date = 0] = (/^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(day) ?? []).slice(1).map(Number);
    const midnight = new Date(year, month - 1, date);
    if (month < 1 || month > 12 || date < 1 || date > 31)
      throw new ScmError(`time data '${day}' does not match format '%Y-%m-%d'`);
    // The 30th of February would be a day in March.
    if (midnight.getDate() !== date) throw new ScmError("day is out of range for month");
    const since = midnight.getTime() / 1000;
    const stamped = this.#lines(["log", "--format=%H %ct", ...this.#allStarts()]);
    return stamped.filter((line) => Number(line.split(" ")[1]) >= since).map((line) => line.split(" ")[0] ?? "");
  }

  #allStarts(): string[] {
    const head = this.head();
    return [...(head === undefined ? [] : [head]), "--branches", "--tags", "--remotes"];
  }

  /** Commits of DVC's experiments (`refs/exps`), in the order of their refs; bookkeeping refs are left out. */
  experimentCommits(): string[] {
    const found = new Set<string>();
    for (const [name, sha] of listRefs(this.layout, "refs/exps/")) {
      if (/^refs\/exps\/[0-9a-f]{2}\/[0-9a-f]{38}\/[^/]+$/.test(name)) found.add(sha);
    }
    return [...found];
  }

  /** The object a full ref name (`refs/…`) points to. No child process. */
  ref(name: string): string | undefined {
    return readRef(this.layout, name);
  }

  /** The files of a commit, as if checked out in the top folder; kept for later calls. */
  tree(rev: string): GitTree {
    const commit = SHA.test(rev) ? rev : this.resolveRev(rev);
    let tree = this.#trees.get(commit);
    if (tree === undefined) {
      const at = {
        root: this.root,
        gitDir: this.gitDir,
        objects: this.objects,
        untrusted: this.#untrusted,
        isPartial: this.#isPartial,
      };
      tree = new GitTree(this.#environment, at, commit);
      this.#trees.set(commit, tree);
    }
    return tree;
  }

  /**
   * The commit that `rev` (default: the default branch) is now in another repository, by its URL or folder. A hash is its
   * own answer. Undefined when there is no such revision.
   * @throws {ScmError} when it can't be asked.
   */
  remoteRev(url: string, rev?: string): string | undefined {
    return Git.revAt(this.#environment, url, rev, this.root);
  }

  /** The same without a repository here. */
  static revAt(environment: Environment, url: string, rev?: string, cwd: OsPath = environment.cwd): string | undefined {
    refuseOption(url, "Git URL");
    if (rev !== undefined && SHA.test(rev)) return rev;
    const names = rev === undefined ? ["HEAD"] : [`refs/heads/${rev}`, `refs/tags/${rev}^{}`, `refs/tags/${rev}`, rev];
    const { stdout } = runGit(environment, ["ls-remote", "--quiet", "--", url, ...names], { cwd });
    const found = new Map<string, string>();
    for (const line of stdout.toString("utf8").split("\n")) {
      const [sha, name] = line.split("\t");
      if (sha !== undefined && name !== undefined) found.set(name, sha);
    }
    return names.map((name) => found.get(name)).find((sha) => sha !== undefined);
  }

  /** Bytes of one file of a commit; `path` from the top folder. */
  read(rev: string, path: RelPath): Buffer | undefined {
    return this.tree(rev).readBytes(join(this.root, path));
  }

  /** Those of `paths` that are in Git's index, as a file or as a folder that holds one. */
  isTracked(paths: Iterable<OsPath>): Set<OsPath> {
    const inside = [...paths].filter((path) => isInside(this.root, path));
    if (inside.length === 0) return new Set();
    const rels = inside.map((path) => posixRelative(this.root, path));
    // More than a command line takes: the whole index is listed then.
    const words = rels.join(" ").length > MOST_CHARACTERS ? [] : rels;
    const { stdout } = this.run(["--literal-pathspecs", "ls-files", "-z", "--", ...words], { allow: [0, 128] });
    const listed = new Set<string>();
    for (const file of stdout.toString("utf8").split("\0")) {
      for (let at = file; at !== "" && !listed.has(at); at = at.slice(0, Math.max(0, at.lastIndexOf("/"))))
        listed.add(at);
    }
    if (listed.size > 0) listed.add(".");
    return new Set(inside.filter((_, index) => listed.has(rels[index] ?? "")));
  }

  /** Those of `paths` that an ignore rule covers, whether tracked or not. A trailing "/" marks a folder. */
  isIgnored(paths: Iterable<OsPath>): Set<OsPath> {
    const inside = [...paths].filter((path) => isInside(this.root, path) && resolve(path) !== this.root);
    if (inside.length === 0) return new Set();
    const rels = inside.map((path) => posixRelative(this.root, path) + (/[\\/]$/.test(path) ? "/" : ""));
    const { stdout } = this.run(["check-ignore", "--no-index", "-z", "--stdin"], {
      input: `${rels.join("\0")}\0`,
      allow: [0, 1, 128],
    });
    const found = new Set(stdout.toString("utf8").split("\0"));
    return new Set(inside.filter((_, index) => found.has(rels[index] ?? "")));
  }

  /** Stages files, also deleted ones. Files in submodules and outside of the repository are left out, as DVC does. */
  add(paths: Iterable<OsPath>, options: { readonly force?: boolean } = {}): void {
    const modules = this.submodules();
    const rels = [...paths]
      .filter((path) => isInside(this.root, path) && !modules.some((module) => isInside(module, path)))
      .map((path) => posixRelative(this.root, path));
    if (rels.length === 0) return;
    const known = this.isTracked(rels.map((rel) => join(this.root, rel)));
    const present = rels.filter((rel) => existsSync(join(this.root, rel)) || known.has(join(this.root, rel)));
    const force = options.force === true ? ["--force"] : [];
    // Git fails for all of them when it ignores one.
    const fresh = present.map((rel) => join(this.root, rel)).filter((path) => !known.has(path));
    const ignored = options.force === true ? new Set<OsPath>() : this.isIgnored(fresh);
    const wanted = present.filter((rel) => !ignored.has(join(this.root, rel)));
    if (wanted.length === 0) return;
    this.run(["--literal-pathspecs", "add", "--all", ...force, "--", ...wanted], {});
  }

  /** Folders of submodules, absolute. */
  submodules(): OsPath[] {
    const file = join(this.root, ".gitmodules");
    if (!existsSync(file)) return [];
    const config = parseGitConfig(ofFile(file, () => readFileSync(file, "utf8")));
    return [...config]
      .filter(([key]) => key.startsWith("submodule.") && key.endsWith(".path"))
      .map(([, path]) => join(this.root, path));
  }

  /** What differs from HEAD, and what Git does not know. `all` lists each file of an untracked folder. */
  status(untracked: "no" | "all" = "all"): GitStatus {
    const { stdout } = this.run(
      ["status", "--porcelain=v1", "-z", "--no-renames", `--untracked-files=${untracked}`],
      {},
    );
    const unknown: RelPath[] = [];
    let isDirty = false;
    for (const line of stdout.toString("utf8").split("\0")) {
      if (line.startsWith("?? ")) unknown.push(line.slice(3));
      else if (line !== "") isDirty = true;
    }
    return { isDirty, untracked: unknown };
  }

  /** Paths of Git's index, from the top folder. */
  index(): RelPath[] {
    return this.run(["ls-files", "-z"], {})
      .stdout.toString("utf8")
      .split("\0")
      .filter((file) => file !== "");
  }

  /** Where the hooks are: `core.hooksPath`, else the folder of the repository. */
  get hooksDir(): OsPath {
    const set = this.config("core.hooksPath");
    if (set === undefined || set === "") return join(this.layout.commonDir, "hooks");
    const path = expandHome(set, this.#environment.home);
    return isAbsolute(path) ? path : resolve(this.root, path);
  }

  /** Value of a setting of this repository or of the user. */
  config(name: string): string | undefined {
    refuseOption(name, "setting");
    const { code, stdout } = this.run(["config", "--get", name], { allow: [0, 1] });
    return code === 0 ? stdout.toString("utf8").replace(/\n$/, "") : undefined;
  }

  /** Writes a setting of this repository. */
  setConfig(name: string, value: string): void {
    refuseOption(name, "setting");
    this.run(["config", "--local", "--", name, value], {});
  }

  /** Settings of this repository's own file and of the user's, as far as they need no child process. */
  fileConfig(): Map<string, string> {
    const { env, home } = this.#environment;
    const xdg = env["XDG_CONFIG_HOME"] ?? join(home, ".config");
    const merged = new Map<string, string>();
    for (const file of [join(xdg, "git", "config"), join(home, ".gitconfig"), join(this.layout.commonDir, "config")]) {
      if (existsSync(file))
        for (const [key, value] of parseGitConfig(ofFile(file, () => readFileSync(file, "utf8"))))
          merged.set(key, value);
    }
    return merged;
  }

  /** Makes sure the hooks folder is there and gives it. */
  makeHooksDir(): OsPath {
    const folder = this.hooksDir;
    makeFolders(folder);
    return folder;
  }

  /** Marks a hook as a program. */
  makeExecutable(path: OsPath): void {
    chmodSync(path, 0o777);
  }

  /** Runs Git in the top folder. @throws {ScmError} on an exit code that is not in `allow`. */
  run(args: readonly string[], call: Omit<GitCall, "cwd">): GitAnswer {
    return runGit(this.#environment, args, { ...call, cwd: this.root, untrusted: this.#untrusted });
  }

  /** The same while this process goes on: for what takes long, or runs hooks. */
  runBeside(args: readonly string[], call: Omit<GitCall, "cwd"> & { signal?: AbortSignal }): Promise<GitAnswer> {
    return runGitBeside(this.#environment, args, { ...call, cwd: this.root, untrusted: this.#untrusted });
  }

  #lines(args: readonly string[]): string[] {
    const { stdout } = this.run(args, {});
    return stdout
      .toString("utf8")
      .split("\n")
      .filter((line) => line !== "");
  }
}
