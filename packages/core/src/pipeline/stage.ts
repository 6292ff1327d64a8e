import type { OsPath } from "../base/paths.ts";
import type { HashInfo, HashName } from "../hash/hashInfo.ts";
import type { Meta } from "../odb/meta.ts";
import type { Tree } from "../odb/tree.ts";

/** What a person may note on an output; kept on every edit. */
export interface Annotation {
  readonly desc?: string;
  readonly type?: string;
  readonly labels?: readonly string[];
  readonly meta?: unknown;
}

/** A file or folder that a stage writes and Holdfast tracks. */
export interface Output {
  /** As written in the file (templates resolved): relative to `Stage.wdir`, absolute, or a URL. */
  readonly defPath: string;
  /** Absolute path when `isLocal`; the URL otherwise. */
  readonly path: OsPath;
  readonly isLocal: boolean;
  /** Whether it lies below the project's root and is written as a relative path: only such outputs have a cache. */
  readonly isInRepo: boolean;
  /** What was recorded; `undefined` when nothing was yet. */
  readonly hash: HashInfo | undefined;
  /** How its contents are to be hashed: `md5-dos2unix` for an entry of DVC 2.x, a storage's own name outside the project. */
  readonly hashName: HashName;
  readonly meta: Meta;
  /** False for `cache: false`. */
  readonly useCache: boolean;
  readonly persist: boolean;
  /** False for `push: false`. */
  readonly canPush: boolean;
  /** Name of the remote that this output goes to, when it names one. */
  readonly remote: string | undefined;
  /** `true` or the options given. */
  readonly metric: unknown;
  readonly plot: unknown;
  readonly annotation: Annotation;
  /** Cloud-versioned records, kept verbatim (`cloud`, `files`, `fs_config`). */
  readonly extra: Readonly<Record<string, unknown>>;
  /** The files of `extra.files`: there is no manifest in a remote to read. */
  readonly tree?: Tree;
}

/** `repo` of an import. */
export interface RepoSource {
  readonly url: string;
  readonly rev?: string;
  readonly revLock?: string;
  readonly config?: unknown;
  readonly remote?: unknown;
}

/** What a stage reads. A union, not a kind of Output. */
export type Dependency =
  | {
      readonly kind: "file";
      readonly defPath: string;
      readonly path: OsPath;
      readonly isLocal: boolean;
      readonly isInRepo: boolean;
      readonly hash: HashInfo | undefined;
      readonly hashName: HashName;
      readonly meta: Meta;
      readonly extra: Readonly<Record<string, unknown>>;
    }
  | {
      readonly kind: "repo";
      readonly defPath: string;
      readonly repo: RepoSource;
      readonly extra: Readonly<Record<string, unknown>>;
    }
  | {
      readonly kind: "params";
      readonly defPath: string;
      readonly path: OsPath;
      readonly isInRepo: boolean;
      /** Empty: the whole file. */ readonly params: readonly string[];
      /** Values in the lock; undefined when not locked. */ readonly locked:
        Readonly<Record<string, unknown>> | undefined;
    }
  | {
      readonly kind: "dataset";
      readonly defPath: string;
      readonly name: string;
      readonly extra: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "db"; readonly defPath: string; readonly extra: Readonly<Record<string, unknown>> };

/** One step: a `.dvc` file (`name` undefined) or an entry of `dvc.yaml`. Plain data; verbs live elsewhere. */
export interface Stage {
  /** Absolute path of the `.dvc` or `dvc.yaml` file. */
  readonly file: OsPath;
  /** Undefined for `.dvc` files. */
  readonly name: string | undefined;
  /** Absolute. */
  readonly wdir: OsPath;
  /** Resolved command as locked; undefined for data sources. */
  readonly cmd: string | readonly string[] | undefined;
  /** Command in dvc.lock, to compare. */
  readonly lockedCmd: string | readonly string[] | undefined;
  readonly deps: readonly Dependency[];
  readonly outs: readonly Output[];
  readonly frozen: boolean;
  readonly alwaysChanged: boolean;
  /** Checksum of the file itself (imports only). */
  readonly md5: string | undefined;
  readonly desc: string | undefined;
  readonly meta: unknown;
  /** True when it comes from foreach or matrix. */
  readonly isGenerated: boolean;
  /** True when dvc.yaml holds templates in it, so that its entry cannot be written back. `.dvc` files: false. */
  readonly isParametrized: boolean;
  /** Values that templates took from files: file as written in messages -> dotted key -> value. */
  readonly usedVars: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
  /** False when dvc.lock holds nothing for it. `.dvc` files: true. */
  readonly isLocked: boolean;
}

/** Whether the stage was made by `add` or an import: it runs nothing. */
export function isDataSource(stage: Stage): boolean {
  return stage.cmd === undefined;
}

/** Whether the stage is an import from another repository. */
export function isRepoImport(stage: Stage): boolean {
  return stage.cmd === undefined && stage.deps.length === 1 && stage.deps[0]?.kind === "repo";
}

/** Whether the stage is an import of any kind. */
export function isImport(stage: Stage): boolean {
  return stage.cmd === undefined && stage.name === undefined && stage.deps.length === 1 && stage.outs.length === 1;
}

/** A cached output inside the project of which nothing is recorded yet. `defPath` as it is written, `path` absolute. */
export function trackedOutput(defPath: string, path: OsPath): Output {
  return {
    defPath,
    path,
    isLocal: true,
    isInRepo: true,
    hash: undefined,
    hashName: "md5",
    meta: {},
    useCache: true,
    persist: false,
    canPush: true,
    remote: undefined,
    metric: undefined,
    plot: undefined,
    annotation: {},
    extra: {},
  };
}
