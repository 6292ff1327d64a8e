import type { CallOptions } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import type { Git } from "../scm/git.ts";
import type { RepoView } from "./repoView.ts";
import type { Repo } from "./repo.ts";

/** Another repository, or this one at another revision. */
export interface ExternalOptions extends CallOptions {
  /** Any revision; without it a local folder is read as it is, and a URL at its default branch. */
  readonly rev?: string;
  /** Look at all branches and tags, not only at what `rev` needs. */
  readonly allRefs?: boolean;
  /** A config file merged into the repository's own. */
  readonly config?: string;
  /** Name of the remote to use as the default there. */
  readonly remote?: string;
  /** Options merged into that remote. */
  readonly remoteConfig?: Readonly<Record<string, string>>;
  /** Keep objects in this cache; what lies in the caches of a local source is then only read. Default: the source's own. */
  readonly cacheDir?: OsPath;
  /** `config`, `remote` and `remoteConfig` come from a file of a repository, not from the user. */
  readonly fromFile?: boolean;
}

/** An opened repository; `close` removes what was made for it. */
export interface ExternalRepo {
  readonly view: RepoView;
  /** Root of the project; where there is none, the folder itself or the root of the copy. */
  readonly root: OsPath;
  readonly repo: Repo | undefined;
  readonly git: Git | undefined;
  /** Commit that is looked at; undefined for a working tree. */
  readonly commit: string | undefined;
  /** The same project with its own cache, where that is another one than `repo` works with. */
  upstream(repo: Repo): Repo | undefined;
  close(): void;
}
