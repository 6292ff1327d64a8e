import { DvcError } from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import { posixRelative } from "../base/paths.ts";
import { isRecord, toPlain } from "../formats/pyValues.ts";
import { resolveRemote } from "../repo/resolveRemote.ts";
import type { Index } from "../repo/index.ts";
import { metricsAt } from "../repo/metricsValues.ts";
import type { Repo } from "../repo/repo.ts";
import type { LoggedCommit } from "../scm/snapshotLog.ts";
import { snapshotContents, type SnapshotContents } from "./contents.ts";
import { snapshotNeeds, type SnapshotNeeds } from "./needs.ts";
import {
  type ObjectBook,
  objectBook,
  type Presence,
  presenceInCache,
  presenceOnRemote,
  pushedData,
} from "./presence.ts";

/** A snapshot as a person sees it. */
export interface SnapshotFacts extends SnapshotContents {
  readonly commit: string;
  readonly tags: readonly string[];
  /** Message of the tag, else the subject of the commit. */
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
  /** ISO 8601, UTC. */
  readonly date: string;
  /** File -> its metrics; a text for a file that can't be read. */
  readonly metrics: Readonly<Record<string, unknown>>;
  /** In the cache of this clone. */
  readonly local: Presence;
  /** Remotes that were asked, by name; null for one that could not be. */
  readonly remotes: Readonly<Record<string, Presence | null>>;
  /** Why its data is not known: a file of the commit that can't be read. */
  readonly problem?: string;
}

/** What to find out beside what Git has. */
export interface DescribeOptions extends CallOptions {
  /** Ask these remotes what they hold; `true`: all of the configuration. */
  readonly remotes?: readonly string[] | true;
}

/** What was read of a snapshot; of its index, which takes much more room, nothing is kept. */
export interface SnapshotDraft {
  readonly facts: Omit<SnapshotFacts, "local" | "remotes">;
  readonly needs: readonly SnapshotNeeds[];
  /** Of these, what goes to remotes, when any is asked. */
  readonly pushed: readonly SnapshotNeeds[];
}

/** Reads what there is to say of a snapshot, but not where its data is. */
export async function draftSnapshot(
  repo: Repo,
  logged: LoggedCommit,
  index: Index,
  options: DescribeOptions,
): Promise<SnapshotDraft> {
  const contents = snapshotContents(repo, index);
  return {
    facts: { ...namedFacts(logged), ...contents, metrics: await metricsOf(repo, index, options) },
    needs: snapshotNeeds(repo, index),
    pushed: options.remotes === undefined ? [] : snapshotNeeds(repo, index, pushedData),
  };
}

/** Finds out where the data of snapshots is: each manifest is read once, each store asked once for all. */
export async function describeSnapshots(
  repo: Repo,
  drafts: readonly SnapshotDraft[],
  options: DescribeOptions,
): Promise<SnapshotFacts[]> {
  const book = objectBook(repo);
  const wanted = drafts.map(({ needs }) => needs);
  const local = await presenceInCache(repo, wanted, book);
  const pushed = drafts.map((draft) => draft.pushed);
  const remotes = await askRemotes(repo, pushed, book, options);
  return drafts.map(({ facts }, at) => ({
    ...facts,
    local: local[at] ?? { objects: 0, present: 0, complete: true },
    remotes: Object.fromEntries([...remotes].map(([name, found]) => [name, found?.[at] ?? null] as const)),
  }));
}

function namedFacts({
  commit,
  tags,
  subject,
  who,
  time,
}: LoggedCommit): Pick<SnapshotFacts, "commit" | "tags" | "message" | "author" | "date"> {
  return {
    commit,
    tags: tags.map(({ name }) => name),
    message: tags.findLast(({ isAnnotated }) => isAnnotated)?.message || subject,
    author: who,
    date: new Date(time * 1000).toISOString(),
  };
}

/** All that can be said of a commit whose files can't be read. */
export function unreadFacts(logged: LoggedCommit, problem: string): SnapshotFacts {
  const none = { bytes: 0, files: 0, outputs: [], metrics: {}, remotes: {} };
  return { ...namedFacts(logged), ...none, local: { objects: 0, present: 0, complete: false }, problem };
}

async function metricsOf(repo: Repo, index: Index, options: CallOptions): Promise<Record<string, unknown>> {
  const { signal } = options;
  const values = await metricsAt(repo, index, signal === undefined ? {} : { signal });
  return Object.fromEntries(
    values.map((one) => [one.path, "error" in one ? `(${one.error.msg})` : toPlain(one.data)] as const),
  );
}

async function askRemotes(
  repo: Repo,
  snapshots: readonly (readonly SnapshotNeeds[])[],
  book: ObjectBook,
  options: DescribeOptions,
): Promise<Map<string, readonly Presence[] | undefined>> {
  const asked = options.remotes === true ? repo.config.remoteNames() : (options.remotes ?? []);
  const found = new Map<string, readonly Presence[] | undefined>();
  for (const name of asked) {
    resolveRemote(repo, name);
    try {
      found.set(name, await presenceOnRemote(repo, name, snapshots, book, options));
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof DvcError)) throw error;
      warn(options, `remote '${name}' could not be asked: ${error.message}`);
      found.set(name, undefined);
    }
  }
  return found;
}

/** Git patterns, from Git's top folder, of the files that say which data belongs to a commit. */
export function pointerPatterns(repo: Repo): string[] {
  const base = repo.git === undefined ? "." : posixRelative(repo.git.root, repo.root);
  const at = base === "." ? "" : `${base.replace(/[*?[\]\\]/g, "\\$&")}/`;
  return ["*.dvc", "dvc.lock", "dvc.yaml"].map((name) => `${at}**/${name}`);
}

/** Numbers and texts of metrics by their full key (`accuracy`, `val.loss`); keys of several files keep the first. */
export function flatMetrics(metrics: SnapshotFacts["metrics"]): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  const visit = (value: unknown, key: string): void => {
    if (isRecord(value))
      for (const [name, one] of Object.entries(value)) visit(one, key === "" ? name : `${key}.${name}`);
    else if (key !== "" && !flat.has(key)) flat.set(key, value);
  };
  for (const file of Object.values(metrics)) if (isRecord(file)) visit(file, "");
  return flat;
}
