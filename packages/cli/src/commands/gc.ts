import { UsageError } from "@holdfast/core";
import type { GcResult } from "@holdfast/core/api/gc";
import type { GcPreview } from "@holdfast/core/api/gcPreview";
import type { GcPurgeResult, GcUndoResult } from "@holdfast/core/api/gcTrash";
import { type Command, defineCommand, defined, flag, int, text, words } from "../command.ts";
import type { Context } from "../context.ts";
import { byteSize } from "../render/humane.ts";
import { jobs, remoteOption, revisions } from "./sharedOptions.ts";

/** So many lines of a preview are printed; `--json` has all. */
const MOST = 200;

/** What `gc` did, by what it was asked for; undefined when the answer was no. */
type Done = GcResult | GcPreview | GcUndoResult | GcPurgeResult | undefined;

/** `gc`. */
export const gc: Command = defineCommand({
  name: "gc",
  summary: "Remove objects that nothing uses any more.",
  description:
    "Removes from the cache, and if asked from the remote, what no chosen revision uses. The options say what to keep. What leaves the cache is kept in a trash for 14 days (HOLDFAST_TRASH_DAYS), then the next gc deletes it; on remotes it is deleted at once. What other worktrees, stashes, experiments, the Git index and other projects on a shared cache need always stays.",
  docs: "gc",
  examples: [
    { text: "See which data at which revisions would go", command: "gc -w -a -T --preview" },
    { text: "Clean the cache, keeping every commit", command: "gc -A" },
    { text: "Bring back what the last gc removed", command: "gc --undo" },
    { text: "Free the space of the trash now", command: "gc --purge" },
  ],
  options: {
    workspace: flag("-w/--workspace", "Keep what the workspace uses."),
    rev: text("--rev", "<commit>", "Keep what this revision uses."),
    num: int("-n/--num", "<num>", "Keep this many commits back from --rev or each branch."),
    ...revisions,
    commitDate: text("--date", "<yyyy-mm-dd>", "Keep what commits since this day use."),
    allExperiments: flag("--all-experiments", "Keep what experiments use."),
    notInRemote: flag("--not-in-remote", "Remove only what the remote holds too."),
    cloud: flag("-c/--cloud", "Clean the remote as well."),
    remote: remoteOption("The remote to clean."),
    skipFailed: flag("--skip-failed", "Go on when a revision can't be read. What only it uses is removed."),
    force: flag("-f/--force", "Don't ask."),
    jobs,
    projects: words("-p/--projects", "<paths>", "Also keep what these projects use, for a cache that several share.", {
      complete: "dir",
    }),
    dry: flag("--dry", "Only say what would go."),
    preview: { ...flag("--preview", "Say which paths at which revisions would lose what, and stop."), own: true },
    undo: { ...flag("--undo", "Bring the objects of the last gc back; again: of the one before."), own: true },
    purge: { ...flag("--purge", "Empty the trash now; with a scope, after removing what it does not use."), own: true },
  },
  positionals: {},
  async run(context, args): Promise<Done> {
    const { json: _json, dry, force, preview, undo, purge, ...rest } = args;
    const repo = await context.open();
    // As in DVC, none asked for is none given.
    const asked = rest.num === 0 ? undefined : rest.num;
    const num = asked ?? (rest.rev === undefined ? undefined : 1);
    const scope = defined({ ...rest, num });
    if (undo || (purge && isUnscoped(rest))) {
      const { undoGc, purgeTrash } = await import("@holdfast/core/api/gcTrash");
      if (undo && (purge || preview || dry || !isUnscoped(rest)))
        throw new UsageError("`--undo` takes no other options of `gc`");
      if (undo) return undoGc(repo, context.call);
      if (preview || dry) throw new UsageError("`--purge` alone can't be used with `--dry` or `--preview`");
      context.output.log("WARNING", "This will delete for good what the trash holds.");
      if (!force && !(await context.confirmAlways("Are you sure you want to proceed?"))) return undefined;
      return purgeTrash(repo, context.call);
    }
    const { checkGcOptions, gcWarning } = await import("@holdfast/core/api/gcOptions");
    const options = { ...context.call, ...scope, dry, purge };
    checkGcOptions(options);
    if (preview) {
      const { gcPreview } = await import("@holdfast/core/api/gcPreview");
      return gcPreview(repo, { ...options, force });
    }
    context.output.log("WARNING", gcWarning(options, context.env.cwd));
    if (!force && !dry && !(await context.confirmAlways("Are you sure you want to proceed?"))) return undefined;
    const { gc: collect } = await import("@holdfast/core/api/gc");
    return collect(repo, { ...options, force });
  },
  render(result, context) {
    if (result === undefined) return;
    if ("losses" in result) printPreview(result, context);
    else if ("restored" in result) printUndo(result, context);
    else if ("cache" in result) printTrash(result, context);
    else context.line(`Freed ${total(result.freed)}.`);
  },
  toJson: (result) => result ?? null,
  exitCode: (result) => (result === undefined ? 1 : 0),
});

function isUnscoped(args: Readonly<Record<string, unknown>>): boolean {
  const scopes = ["workspace", "rev", "num", "allBranches", "allTags", "allCommits", "commitDate", "allExperiments"];
  return ![...scopes, "cloud", "notInRemote", "remote"].some((key) => Boolean(args[key]));
}

function total({ objects, bytes }: { readonly objects: number; readonly bytes: number }): string {
  return `${String(objects)} object${objects === 1 ? "" : "s"} (${byteSize(bytes)})`;
}

/** As `dvc` it prints what DVC prints, and no more. */
function printTrash({ cache, trash, freed, days }: GcResult, context: Context): void {
  if (context.programName === "dvc") return;
  if (freed.objects > 0) context.line(`Deleted ${total(freed)} from the trash for good.`);
  if (trash.objects === 0 || cache.objects === 0) return;
  const program = context.programName;
  context.line(
    `The trash holds ${total(trash)}, each for ${String(days)} days: \`${program} gc --undo\` brings back what was removed last, \`${program} gc --purge\` frees the space now.`,
  );
}

function printUndo({ restored, command, trash }: GcUndoResult, context: Context): void {
  const what = command === undefined ? "" : `, which '${command}' removed`;
  context.line(`Brought back ${total(restored)}${what}.`);
  if (trash.objects > 0) context.line(`The trash still holds ${total(trash)}.`);
}

function printPreview(preview: GcPreview, context: Context): void {
  const { losses, unnamed } = preview;
  if (preview.objects === 0) {
    context.line("Nothing would be removed.");
    return;
  }
  context.line(`${total(preview)} would be removed from the cache.`);
  for (const { path, revisions: at, objects, bytes } of losses.slice(0, MOST)) {
    const shown = at.length > 3 ? `${at.slice(0, 3).join(", ")} and ${String(at.length - 3)} more` : at.join(", ");
    context.line(
      `  ${byteSize(bytes).padStart(10)}  ${context.paint(path, "bold")}  ${total({ objects, bytes })}  at ${shown}`,
    );
  }
  if (losses.length > MOST) context.line(`  … and ${String(losses.length - MOST)} more (--json tells all)`);
  if (unnamed.objects > 0)
    context.line(`  ${byteSize(unnamed.bytes).padStart(10)}  named by no commit  ${total(unnamed)}`);
}
