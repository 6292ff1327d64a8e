import { posix } from "node:path";
import { isDirHash } from "../hash/hashInfo.ts";
import { posixRelative, type RelPath } from "../base/paths.ts";
import { listUnused } from "../odb/gcObjects.ts";
import type { TrashTotal } from "../odb/trash.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import { type Pointer, PointerReader } from "../repo/pointers.ts";
import type { Repo } from "../repo/repo.ts";
import type { Git } from "../scm/git.ts";
import { withGcLocks } from "./gc.ts";
import { checkGcOptions, type GcOptions } from "./gcOptions.ts";
import { collectUsed } from "./gcUsed.ts";

/** One version of a tracked path that would lose data. */
export interface GcLoss {
  /** From the project's root. */
  readonly path: RelPath;
  readonly hash: string;
  /** The revisions that record this version, newest first: names of branches and tags, else short commits. */
  readonly revisions: readonly string[];
  readonly objects: number;
  readonly bytes: number;
}

/** What `gc` would remove from the cache. */
export interface GcPreview extends TrashTotal {
  /** Largest first. */
  readonly losses: readonly GcLoss[];
  /** What no commit of this project names. */
  readonly unnamed: TrashTotal;
}

/**
 * Says which tracked paths at which revisions would lose what by this `gc`; changes nothing.
 * @throws as `gc` does
 */
export async function gcPreview(repo: Repo, options: GcOptions): Promise<GcPreview> {
  checkGcOptions(options);
  const dry = { ...options, dry: true };
  return withGcLocks(repo, dry, async (others) => {
    const used = await collectUsed(repo, others, dry);
    const sizes = new Map<string, number>();
    let [objects, bytes] = [0, 0];
    for (const cache of [repo.cache, repo.legacyCache]) {
      const { unused, foreign } = listUnused(cache, used.all);
      for (const { oid, size } of unused) {
        sizes.set(oid, size);
        bytes += size;
      }
      objects += unused.length + foreign.length;
    }
    const losses = new Losses(repo, sizes);
    if (repo.git !== undefined && sizes.size > 0) losses.inHistory(repo.git);
    return { objects, bytes, ...losses.result() };
  });
}

interface Loss {
  readonly path: RelPath;
  readonly hash: string;
  readonly revisions: string[];
  readonly total: TrashTotal;
}

class Losses {
  readonly #repo: Repo;
  readonly #sizes: ReadonlyMap<string, number>;
  readonly #found = new Map<string, Loss>();
  readonly #named = new Set<string>();
  readonly #totals = new Map<string, TrashTotal>();

  constructor(repo: Repo, sizes: ReadonlyMap<string, number>) {
    this.#repo = repo;
    this.#sizes = sizes;
  }

  inHistory(git: Git): void {
    const names = new Map<string, string[]>();
    for (const [name, sha] of [...git.branches(), ...git.tags()]) names.set(sha, [...(names.get(sha) ?? []), name]);
    const reader = new PointerReader();
    const project = posixRelative(git.root, this.#repo.root);
    for (const sha of git.allCommits()) {
      const name = names.get(sha)?.join(",") ?? sha.slice(0, 7);
      for (const { file, pointer } of reader.inCommit(git.tree(sha), project)) this.#note(project, file, pointer, name);
    }
  }

  #note(project: RelPath, file: RelPath, { path, hash }: Pointer, revision: string): void {
    const total = this.#lost(hash);
    if (total.objects === 0) return;
    const shown = posix.relative(project, posix.join(posix.dirname(file), path));
    const key = `${shown}\0${hash.value}`;
    const known = this.#found.get(key);
    if (known === undefined) this.#found.set(key, { path: shown, hash: hash.value, revisions: [revision], total });
    else if (!known.revisions.includes(revision)) known.revisions.push(revision);
  }

  #lost(hash: Pointer["hash"]): TrashTotal {
    const oid = hash.value;
    const known = this.#totals.get(oid);
    if (known !== undefined) return known;
    const tree = isDirHash(oid) ? cacheFor(this.#repo, hash).peekTree(oid) : undefined;
    let [objects, bytes] = [0, 0];
    for (const one of new Set([oid, ...(tree?.entries ?? []).map(({ md5 }) => md5)])) {
      const size = this.#sizes.get(one);
      if (size === undefined) continue;
      this.#named.add(one);
      objects++;
      bytes += size;
    }
    const total = { objects, bytes };
    this.#totals.set(oid, total);
    return total;
  }

  result(): Pick<GcPreview, "losses" | "unnamed"> {
    const unnamed = { objects: 0, bytes: 0 };
    for (const [oid, size] of this.#sizes) {
      if (this.#named.has(oid)) continue;
      unnamed.objects++;
      unnamed.bytes += size;
    }
    const losses = [...this.#found.values()].map(({ total, ...loss }) => ({ ...loss, ...total }));
    losses.sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
    return { losses, unnamed };
  }
}
