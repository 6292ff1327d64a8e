import type { OsPath } from "../base/paths.ts";
import type { FileSystem } from "./filesystem.ts";

/** Everything that opening a storage may depend on: the library itself reads no environment and no home folder. */
export interface OpenOptions {
  /** The remote's options by DVC's names; values as in the config file. */
  readonly values: Readonly<Record<string, string | undefined>>;
  /**
   * Names in `values` that a file of the repository sets (`.dvc/config`, or a `config.local` that Git tracks): whoever wrote
   * them may be a stranger. A file they name is read only outside `projectRoot`, and never for programs to run.
   */
  readonly untrusted?: ReadonlySet<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: OsPath;
  /** Root of the project (of the repository where there is one). */
  readonly projectRoot?: OsPath;
  /** Asks the user for a secret (`ask_password`), the same question once; gives undefined when nobody can answer. */
  readonly askSecret?: (question: string) => Promise<string | undefined>;
  /** Lets the user visit an address of the web to log in there; gives false when nobody can. */
  readonly askVisit?: (url: string) => Promise<boolean>;
}

/** A storage and the place in it that a URL names, in the storage's own spelling of paths. */
export interface OpenedStorage {
  readonly fs: FileSystem;
  readonly root: string;
}

/** What each protocol's file exports, by its line in `registry.ts`. */
export type Opener = (url: string, options: OpenOptions) => Promise<OpenedStorage>;
