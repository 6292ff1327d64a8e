import { type Command, defineCommand, defined, flag, int, text, words } from "../command.ts";
import { jobs, remoteOption, revisions } from "./sharedOptions.ts";

/** `gc`. */
export const gc: Command = defineCommand({
  name: "gc",
  summary: "Delete objects that nothing uses any more.",
  description:
    "Deletes from the cache, and if asked from the remote, what no chosen revision uses. The options say what to keep.",
  docs: "gc",
  examples: [
    { text: "See what would go, keeping the workspace and all branches and tags", command: "gc -w -a -T --dry" },
    { text: "Clean the cache, keeping every commit", command: "gc -A" },
  ],
  options: {
    workspace: flag("-w/--workspace", "Keep what the workspace uses."),
    rev: text("--rev", "<commit>", "Keep what this revision uses."),
    num: int("-n/--num", "<num>", "Keep this many commits back from --rev or each branch."),
    ...revisions,
    commitDate: text("--date", "<yyyy-mm-dd>", "Keep what commits since this day use."),
    allExperiments: flag("--all-experiments", "Keep what experiments use."),
    notInRemote: flag("--not-in-remote", "Delete only what the remote holds too."),
    cloud: flag("-c/--cloud", "Clean the remote as well."),
    remote: remoteOption("The remote to clean."),
    skipFailed: flag("--skip-failed", "Go on when a revision can't be read. What only it uses is lost."),
    force: flag("-f/--force", "Don't ask."),
    jobs,
    projects: words("-p/--projects", "<paths>", "Also keep what these projects use, for a cache that several share.", {
      complete: "dir",
    }),
    dry: flag("--dry", "Only say what would go."),
  },
  positionals: {},
  async run(context, { json: _json, dry, force, ...rest }) {
    const { checkGcOptions, gc: collect, gcWarning } = await import("@holdfast/core/api/gc");
    const repo = await context.open();
    const num = rest.rev !== undefined && (rest.num ?? 0) === 0 ? 1 : rest.num;
    const options = { ...context.call, ...defined({ ...rest, num }), dry, force: force || dry };
    checkGcOptions(options);
    context.output.log("WARNING", gcWarning(options, context.env.cwd));
    if (!options.force && !(await context.confirmAlways("Are you sure you want to proceed?"))) return undefined;
    return collect(repo, options);
  },
  toJson: (result) => result ?? null,
  exitCode: (result) => (result === undefined ? 1 : 0),
});
