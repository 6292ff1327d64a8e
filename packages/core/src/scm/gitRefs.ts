import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { ofFile } from "../base/ofFile.ts";

/** Where a repository keeps its things. They differ in a linked worktree and in a submodule. */
export interface GitLayout {
  /** Top folder of the working tree. */
  readonly root: OsPath;
  /** The worktree's own folder: HEAD, index. */
  readonly gitDir: OsPath;
  /** The shared folder: objects, refs, config, hooks. */
  readonly commonDir: OsPath;
}

const SHA = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
/** HEAD may point to a ref that points to a ref; Git itself stops at five. */
const MAX_SYMBOLIC = 5;

/** The repository that holds `start` or a parent of it; no child process. */
export function findGitLayout(start: OsPath): GitLayout | undefined {
  for (let folder = resolve(start); ;) {
    const gitDir = gitDirOf(folder);
    if (gitDir !== undefined) return { root: folder, gitDir, commonDir: commonDirOf(gitDir) };
    const parent = resolve(folder, "..");
    if (parent === folder) return undefined;
    folder = parent;
  }
}

function gitDirOf(folder: OsPath): OsPath | undefined {
  const path = join(folder, ".git");
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (stat.isDirectory()) return existsSync(join(path, "HEAD")) ? path : undefined;
  if (!stat.isFile()) return undefined;
  const target = /^gitdir: (.+?)\r?\n?$/s.exec(ofFile(path, () => readFileSync(path, "utf8")))?.[1];
  if (target === undefined) return undefined;
  const gitDir = isAbsolute(target) ? target : resolve(folder, target);
  return existsSync(join(gitDir, "HEAD")) ? gitDir : undefined;
}

function commonDirOf(gitDir: OsPath): OsPath {
  const text = readSmall(join(gitDir, "commondir"))?.trim();
  return text === undefined ? gitDir : resolve(gitDir, text);
}

function readSmall(path: OsPath): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true ? ofFile(path, () => readFileSync(path, "utf8")) : undefined;
}

/** HEAD as it stands: the name of the branch it points to, or a commit. */
export function readHead(layout: GitLayout): { readonly ref?: string; readonly sha?: string } {
  const text = readSmall(join(layout.gitDir, "HEAD"))?.trim() ?? "";
  const ref = /^ref: (.+)$/.exec(text)?.[1];
  if (ref !== undefined) return { ref };
  return SHA.test(text) ? { sha: text } : {};
}

/** The commit or tag object that `name` (`refs/heads/main`, `HEAD`) points to. Loose refs win over packed ones. */
export function readRef(layout: GitLayout, name: string, depth = 0): string | undefined {
  if (depth > MAX_SYMBOLIC || !isSafeRefName(name)) return undefined;
  const own = name === "HEAD" || /^refs\/(bisect|worktree|rewritten)\//.test(name) ? layout.gitDir : layout.commonDir;
  const text = readSmall(join(own, name))?.trim();
  if (text === undefined) return packedRefs(layout).get(name)?.sha;
  const next = /^ref: (.+)$/.exec(text)?.[1];
  if (next !== undefined) return readRef(layout, next, depth + 1);
  return SHA.test(text) ? text : undefined;
}

function isSafeRefName(name: string): boolean {
  return (
    name !== "" && !name.split("/").some((part) => part === "" || part === "." || part === "..") && !name.includes("\0")
  );
}

interface PackedRef {
  readonly sha: string;
  /** The commit behind an annotated tag. */
  readonly peeled?: string;
}

function packedRefs(layout: GitLayout): Map<string, PackedRef> {
  const refs = new Map<string, PackedRef>();
  let last: string | undefined;
  for (const line of (readSmall(join(layout.commonDir, "packed-refs")) ?? "").split("\n")) {
    if (line.startsWith("^") && last !== undefined) {
      const sha = refs.get(last)?.sha ?? "";
      refs.set(last, { sha, peeled: line.slice(1).trim() });
    } else if (!line.startsWith("#") && line !== "") {
      const space = line.indexOf(" ");
      last = line.slice(space + 1).trim();
      refs.set(last, { sha: line.slice(0, space) });
    }
  }
  return refs;
}

/** Every ref below `prefix` (`refs/heads/`), name to object, sorted by name. Annotated tags are not peeled. */
export function listRefs(layout: GitLayout, prefix: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, { sha }] of packedRefs(layout)) if (name.startsWith(prefix)) found.set(name, sha);
  const walk = (name: string): void => {
    let entries;
    try {
      entries = readdirSync(join(layout.commonDir, name), { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries) {
      const child = `${name}${entry.name}`;
      if (entry.isDirectory()) walk(`${child}/`);
      else if (entry.isFile() && !entry.name.endsWith(".lock")) {
        const sha = readRef(layout, child);
        if (sha !== undefined) found.set(child, sha);
      }
    }
  };
  walk(prefix);
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
