import type { RelPath } from "../base/paths.ts";
import type { GitObjects } from "./gitObjects.ts";

/** One file of a commit. */
export interface GitEntry {
  /** Git's mode: `100644`, `100755`, `120000` (link), `160000` (submodule). */
  readonly mode: string;
  readonly sha: string;
}

/** Trees with more folders than this are listed by Git itself, which is faster from there on. */
const MAX_FOLDERS = 400;
/** More files are left to Git, too. */
const MAX_FILES = 200_000;
/** Folders within folders; deeper ones are left to Git. */
const MAX_DEPTH = 256;
const MAX_STEPS = 1000;
const ID_BYTES = 20;

/** The commit behind an object: itself, or what an annotated tag names. Undefined when Git has to say. */
export function peeledCommit(objects: GitObjects, id: string): string | undefined {
  for (let at = id, left = 5; left > 0; left--) {
    const object = objects.read(at);
    if (object?.type === "commit") return at;
    const target =
      object?.type === "tag" ? /^object ([0-9a-f]{40})$/m.exec(object.data.toString("latin1"))?.[1] : undefined;
    if (target === undefined) return undefined;
    at = target;
  }
  return undefined;
}

/**
 * Follows `~2`, `^`, `^2~1` … from a commit, as Git's `gitrevisions` has it. Undefined for other words, for what is not
 * there, and at the edge of a shallow clone.
 */
export function ancestorBy(objects: GitObjects, commit: string, steps: string): string | undefined {
  let at: string | undefined = commit;
  for (const [, kind, digits] of steps.matchAll(/([~^])(\d*)/g)) {
    const count = digits === "" || digits === undefined ? 1 : Number(digits);
    if (count > MAX_STEPS) return undefined;
    if (kind === "^") at = count === 0 ? at : parentOf(objects, at, count);
    else for (let left = count; left > 0; left--) at = parentOf(objects, at, 1);
  }
  return at !== undefined && objects.read(at)?.type === "commit" ? at : undefined;
}

function parentOf(objects: GitObjects, commit: string | undefined, which: number): string | undefined {
  const object = commit === undefined ? undefined : objects.read(commit);
  if (object?.type !== "commit") return undefined;
  const text = object.data.toString("latin1");
  const header = text.slice(0, Math.max(0, text.indexOf("\n\n")));
  return [...header.matchAll(/^parent ([0-9a-f]{40})$/gm)][which - 1]?.[1];
}

/** Files of a commit in Git's order, as `ls-tree -r` gives them. Undefined when Git has to list them. */
export function filesOfCommit(objects: GitObjects, commit: string): Map<RelPath, GitEntry> | undefined {
  const object = objects.read(commit);
  const tree =
    object?.type === "commit" ? /^tree ([0-9a-f]{40})\n/.exec(object.data.toString("latin1"))?.[1] : undefined;
  if (tree === undefined) return undefined;
  const found = new Map<RelPath, GitEntry>();
  let folders = 0;
  const list = (id: string, prefix: string, depth: number): boolean => {
    if (++folders > MAX_FOLDERS || depth > MAX_DEPTH) return false;
    const { type, data } = objects.read(id) ?? {};
    if (type !== "tree" || data === undefined) return false;
    for (let at = 0; at < data.length;) {
      const space = data.indexOf(32, at);
      const end = data.indexOf(0, space);
      if (space < 0 || end < 0 || end + ID_BYTES >= data.length + 1) return false;
      const mode = data.toString("latin1", at, space);
      const path = prefix + data.toString("utf8", space + 1, end);
      const sha = data.toString("hex", end + 1, end + 1 + ID_BYTES);
      at = end + 1 + ID_BYTES;
      if (mode === "40000") {
        if (!list(sha, `${path}/`, depth + 1)) return false;
      } else found.set(path, { mode, sha });
      if (found.size > MAX_FILES) return false;
    }
    return true;
  };
  return list(tree, "", 0) ? found : undefined;
}
