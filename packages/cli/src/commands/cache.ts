import { type Command, type CommandGroup, defineCommand, defined, flag, maybe } from "../command.ts";
import { levels } from "./sharedOptions.ts";

const dir: Command = defineCommand({
  name: "dir",
  summary: "Show or set where the cache is.",
  docs: "cache/dir",
  examples: [
    { text: "Share one cache among projects", command: "cache dir /mnt/shared/cache" },
    { text: "Back to the default", command: "cache dir -u" },
  ],
  options: { ...levels, unset: flag("-u/--unset", "Use the default folder.") },
  positionals: { value: maybe("The folder; relative to this one.", "dir") },
  async run(context, { level, unset, value }) {
    const { cacheDir } = await import("@holdfast/core/api/cache");
    return {
      ...(await cacheDir(context.env, unset ? undefined : value, { ...context.call, unset, ...defined({ level }) })),
      isAsked: value === undefined && !unset,
    };
  },
  toJson: (result) => ({ dir: result.dir ?? null }),
  render({ isAsked, dir: path }, context) {
    if (isAsked && path !== undefined) context.line(path);
  },
});

const migrate: Command = defineCommand({
  name: "migrate",
  summary: "Bring a cache of DVC 2.x into the present layout.",
  docs: "cache/migrate",
  examples: [
    { text: "See what would be done", command: "cache migrate --dry" },
    { text: "Rewrite the .dvc files too", command: "cache migrate --dvc-files" },
  ],
  options: {
    dvcFiles: flag("--dvc-files", "Rewrite the entries of .dvc files and dvc.lock too."),
    dry: flag("--dry", "Only say what would be done."),
  },
  positionals: {},
  async run(context, { dvcFiles, dry }) {
    const { migrateCache } = await import("@holdfast/core/api/cacheMigrate");
    return migrateCache(await context.open(), { ...context.call, dvcFiles, dry });
  },
});

/** `cache`. */
export const cache: CommandGroup = {
  name: "cache",
  summary: "Set up and migrate the cache.",
  docs: "cache",
  commandsHelp: "See `cache COMMAND --help` for the help of one.",
  commands: [dir, migrate],
};
