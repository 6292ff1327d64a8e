import type { CallOptions } from "../base/events.ts";
import type { OsPath, RelPath } from "../base/paths.ts";
import type { HashInfo } from "../hash/hashInfo.ts";
import type { Meta } from "../odb/meta.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import type { FileStamp, State } from "../odb/state.ts";
import type { Tree } from "../odb/tree.ts";
import type { FileJobs, FileNames } from "./fileJobs.ts";
import type { IgnorePredicate } from "./walk.ts";

/** An output as it should be. */
export interface Wanted {
  readonly path: OsPath;
  /** Undefined when nothing is recorded: it cannot be created. */
  readonly hash: HashInfo | undefined;
  readonly meta: Meta;
  /** The files of a folder; read from the cache when not given. */
  readonly tree?: Tree;
  /** Only this file, or what is below this folder, of a tracked folder. */
  readonly within?: RelPath;
  /** Whatever the caller wants to find again. */
  readonly key: unknown;
}

/** How to compare, and what may be done. */
export interface PlanOptions extends CallOptions {
  /** Nothing outside this folder is ever changed. */
  readonly root: OsPath;
  readonly cache: ObjectDb;
  /** The cache of the other layout: what it has is no loss either. */
  readonly otherCache?: ObjectDb;
  readonly state: State;
  readonly ignore?: IgnorePredicate;
  /** Also replace or remove what is nowhere else: `Plan.unsaved` then stays empty. */
  readonly force?: boolean;
  /** Also plan new links for unchanged files that are not linked by the preferred type. */
  readonly relink?: boolean;
  /** With `relink`: a file of its own that a person made executable stays one, as a link would take that away. */
  readonly keepExec?: boolean;
  /** When objects of a folder are missing, restore the others; otherwise such an output is left as it is. */
  readonly allowMissing?: boolean;
  /** Where to build before swapping; `<root>/.dvc/tmp` when there is such a project, else beside the output. */
  readonly tmp?: OsPath;
}

/** What identifies a file's condition; compared again before it is replaced or removed. */
export type Stamp = FileStamp;

/** What one output needs. Lists hold paths relative to the output, in order; "." is the output itself. */
export interface PlanItem {
  readonly wanted: Wanted;
  /** New files. */
  readonly create: FileNames;
  /** Files with other content or without their execute bit. */
  readonly modify: readonly RelPath[];
  /** Files and folders that do not belong there. */
  readonly remove: readonly RelPath[];
  /** Unchanged files that get another kind of link. */
  readonly relink: readonly RelPath[];
  /** The folder that is there now, when it is known without a closer look. */
  readonly before: string | undefined;
  /** How DVC lists the output: added, modified, or not at all. */
  readonly change: "A" | "M" | "D" | undefined;
  /** What `applyPlan` does. */
  readonly work: ItemWork;
}

/** The details of a {@link PlanItem} for whoever applies it. */
export interface ItemWork {
  readonly jobs: FileJobs;
  /** Files and links to remove, with their condition when they were seen. */
  readonly removeFiles: readonly { readonly rel: RelPath; readonly old: Stamp }[];
  /** Folders to remove once empty, deepest first. */
  readonly removeFolders: readonly RelPath[];
  /** Existing files that must go before a folder, or a folder before a file, can take their place. */
  readonly inTheWay: ReadonlySet<RelPath>;
  /** Folders that exist. */
  readonly folders: ReadonlySet<RelPath>;
  /** Files whose execute bit is to be set; their content stays. */
  readonly chmod: readonly RelPath[];
  /** The output is a folder: make it even if it holds no file. */
  readonly isFolder: boolean;
  /** Files that will be replaced or removed although no cache is known to hold them, because the caller insists (`force`). */
  readonly keep: ReadonlySet<RelPath>;
  /** Nothing is recorded, and the caller insists (`force`): what is there is set aside. */
  readonly displace: boolean;
}

/** What would be done: plain data, nothing has been changed. */
export interface Plan {
  readonly items: readonly PlanItem[];
  /** Files that would be lost: their content is not in the cache. Absolute, in order. The caller refuses. */
  readonly unsaved: readonly OsPath[];
  /**
   * Outputs that cannot be restored as recorded. `applyPlan` adds those whose objects turn out to be damaged, and of large
   * new folders those whose objects turn out to be missing.
   */
  readonly missing: { readonly wanted: Wanted; readonly oids: readonly string[] }[];
  readonly options: PlanOptions;
}
