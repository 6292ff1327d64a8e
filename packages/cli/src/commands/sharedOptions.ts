import { type OptionSpec, flag, int, many, type PositionalSpec, text } from "../command.ts";

/** Targets of commands that work on everything when none is given. */
export const targets: PositionalSpec<readonly string[]> = many(
  "Only these: tracked files or folders, .dvc files, stage names.",
  "target",
);

/** `-j/--jobs`. */
export const jobs: OptionSpec<number | undefined> = int(
  "-j/--jobs",
  "<number>",
  "How many transfers run side by side (default: 4 for each processor).",
);

/** `-d/--with-deps`. */
export const withDeps: OptionSpec<boolean> = flag("-d/--with-deps", "Include everything that the targets depend on.");

/** `-R/--recursive`. */
export const recursive: OptionSpec<boolean> = flag("-R/--recursive", "Include everything below the folders given.");

/** The options that choose revisions. */
export const revisions: {
  readonly allBranches: OptionSpec<boolean>;
  readonly allTags: OptionSpec<boolean>;
  readonly allCommits: OptionSpec<boolean>;
} = {
  allBranches: flag("-a/--all-branches", "Look at the tips of all Git branches too."),
  allTags: flag("-T/--all-tags", "Look at all Git tags too."),
  allCommits: flag("-A/--all-commits", "Look at all Git commits."),
};

/** `-r/--remote` with what it is used for. */
export function remoteOption(help: string): OptionSpec<string | undefined> {
  return text("-r/--remote", "<name>", help, { complete: "remote" });
}

/** A level of the configuration. */
export type Level = "system" | "global" | "project" | "local";

const level = (name: string, value: Level, help: string): OptionSpec<Level | undefined> => ({
  flags: [name],
  kind: "const",
  const: value,
  default: undefined,
  dest: "level",
  group: "level",
  help,
});

/** `--global`, `--system`, `--project`, `--local`: all set `level`. */
export const levels: {
  readonly level: OptionSpec<Level | undefined>;
  readonly $system: OptionSpec<Level | undefined>;
  readonly $project: OptionSpec<Level | undefined>;
  readonly $local: OptionSpec<Level | undefined>;
} = {
  level: level("--global", "global", "Work on the user's configuration."),
  $system: level("--system", "system", "Work on this machine's configuration."),
  $project: level("--project", "project", "Work on the project's configuration (.dvc/config)."),
  $local: level("--local", "local", "Work on this clone's configuration (.dvc/config.local), which Git ignores."),
};
