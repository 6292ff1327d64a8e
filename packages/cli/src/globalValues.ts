/** Values of the global options, gathered from before and after the command. */
export interface Globals {
  readonly quiet: boolean;
  /** 0, 1 (`-v`) or more. */
  readonly verbose: number;
  readonly help: boolean;
  readonly version: boolean;
  readonly cd: string | undefined;
  readonly waitForLock: boolean;
  readonly trust: boolean;
}

/** Reads the globals out of parsed values; those given earlier stay. */
export function globalsOf(values: Readonly<Record<string, unknown>>, before?: Globals): Globals {
  return {
    quiet: before?.quiet === true || Number(values["$quiet"] ?? 0) > 0,
    verbose: (before?.verbose ?? 0) + Number(values["$verbose"] ?? 0),
    help: before?.help === true || values["$help"] === true,
    version: before?.version === true || values["$version"] === true,
    cd: before?.cd ?? (values["$cd"] as string | undefined),
    waitForLock: before?.waitForLock === true || values["$waitForLock"] === true,
    trust: before?.trust === true || values["$trust"] === true,
  };
}
