import { join, posix, win32 } from "node:path";
import type { OsPath } from "./paths.ts";

/** What the process's surroundings are. Read once by the CLI and handed in: the library looks nothing up by itself. */
export interface Environment {
  /** Working folder, absolute. Targets and messages are relative to it. */
  readonly cwd: OsPath;
  /** In a copy of another repository: folders that relative paths of its imports may also count from. */
  readonly bases?: readonly OsPath[];
  /** In the source of an import: the imports that it was opened for, each by all that names its source. */
  readonly importing?: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder. */
  readonly home: OsPath;
  /** What messages call the program: `holdfast`, or `dvc` when called by that name. */
  readonly programName: string;
  readonly pid: number;
  /** The command line, for other processes that find our locks. */
  readonly commandLine?: string;
  /** False when nobody can answer questions (no terminal). */
  readonly interactive?: boolean;
  /** The user says that the project's own config may name credential files, programs and other folders (`--trust`). */
  readonly trust?: boolean;
  /** Asks the user whether to trust the project; absent when nobody can answer. */
  readonly askTrust?: (question: string) => Promise<boolean>;
  /** Asks for a secret that the screen does not show, the same question once; gives undefined when nobody can answer. */
  readonly askSecret?: (question: string) => Promise<string | undefined>;
  /** Lets the user visit an address of the web to log in there; gives false when nobody can. */
  readonly askVisit?: (url: string) => Promise<boolean>;
}

/** What a storage may ask the user. */
export function questionsOf({ askSecret, askVisit }: Environment): Pick<Environment, "askSecret" | "askVisit"> {
  return { ...(askSecret === undefined ? {} : { askSecret }), ...(askVisit === undefined ? {} : { askVisit }) };
}

/** Whether this is Windows. */
export const isWindows: boolean = process.platform === "win32";

/** Operating systems whose conventions for folders differ. */
export type Platform = "linux" | "darwin" | "win32";

/** The present platform; every other Unix counts as Linux. */
export const platform: Platform =
  process.platform === "win32" || process.platform === "darwin" ? process.platform : "linux";

/** Folder of the system-level configuration, DVC's own. `DVC_SYSTEM_CONFIG_DIR` overrides. */
export function systemConfigDir(environment: Environment, os: Platform = platform): OsPath {
  const { env } = environment;
  const override = env["DVC_SYSTEM_CONFIG_DIR"];
  if (override !== undefined && override !== "") return override;
  if (os === "darwin") return "/Library/Application Support/dvc";
  if (os === "win32") return win32.join(env["PROGRAMDATA"] ?? "C:\\ProgramData", "iterative", "dvc");
  return posix.join((env["XDG_CONFIG_DIRS"] ?? "").split(":")[0] || "/etc/xdg", "dvc");
}

/** Folder of the user-level configuration, DVC's own. `DVC_GLOBAL_CONFIG_DIR` overrides. */
export function globalConfigDir(environment: Environment, os: Platform = platform): OsPath {
  const { env, home } = environment;
  const override = env["DVC_GLOBAL_CONFIG_DIR"];
  if (override !== undefined && override !== "") return override;
  if (os === "darwin") return posix.join(home, "Library", "Application Support", "dvc");
  if (os === "win32")
    return win32.join(env["LOCALAPPDATA"] ?? win32.join(home, "AppData", "Local"), "iterative", "dvc");
  const base = env["XDG_CONFIG_HOME"];
  return posix.join(base === undefined || base === "" ? join(home, ".config") : base, "dvc");
}

/** Expands a leading `~` to the user's home; `~name` stays. */
export function expandHome(path: string, home: OsPath): string {
  if (path === "~") return home;
  return path.startsWith("~/") || (isWindows && path.startsWith("~\\")) ? join(home, path.slice(2)) : path;
}
