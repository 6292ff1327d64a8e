import type { PurgePlan } from "@holdfast/core/api/purge";
import { type Command, defineCommand, defined, flag, one, text, words } from "../command.ts";
import type { Context } from "../context.ts";
import { byteSize } from "../render/humane.ts";
import { jobs } from "./sharedOptions.ts";

/** So many revisions are printed; `--json` has all. */
const MOST = 20;

/** `purge`. */
export const purge: Command = defineCommand({
  name: "purge",
  summary: "Remove one data set, or one version of it, everywhere and for good.",
  description:
    "Removes the objects of a tracked file or folder from the cache, the trash, the quarantine and every remote, and (all versions) the data and its .dvc file from the workspace. What other data, or other projects of a shared cache, need stays. First it shows what would go and which revisions use it: they can't be restored afterwards. The commits in Git stay as they are. When anything can't be read, nothing goes.",
  examples: [
    { text: "What would go, and who uses it", command: "purge data/people --dry" },
    { text: "All versions of a data set", command: "purge data/people" },
    { text: "One version of it", command: "purge data/people --rev v1.0" },
  ],
  options: {
    rev: text("--rev", "<commit>", "Only the version of this revision."),
    remotes: words("-r/--remotes", "<names>", "Only these remotes (default: all of the config).", {
      complete: "remote",
    }),
    dry: flag("--dry", "Only show what would go."),
    force: flag("-f/--force", "Don't ask, and purge changes of the workspace that are recorded nowhere, too."),
    jobs,
  },
  positionals: { target: one("A tracked file or folder, or its .dvc file.", "target") },
  async run(context, { target, force, json, ...rest }) {
    const { purge: remove } = await import("@holdfast/core/api/purge");
    const repo = await context.open();
    const confirm = async (plan: PurgePlan): Promise<boolean> => {
      if (!json) printPlan(plan, context);
      return force || context.confirmAlways("Are you sure you want to remove this for good?");
    };
    return remove(repo, target, { ...context.call, ...defined(rest), force, confirm });
  },
  exitCode: ({ isDone }, { dry }) => (isDone || dry ? 0 : 1),
  render(result, context, { dry }) {
    if (dry) printPlan(result, context);
    else if (result.isDone) context.line(context.paint("Removed.", "green"));
    else context.line("Nothing was removed.");
  },
});

function printPlan({ path, objects, shared, uses, bytes, remotes }: PurgePlan, context: Context): void {
  context.line(`${context.paint(path, "bold")}: ${String(objects)} objects, ${byteSize(bytes)} of the cache`);
  if (shared > 0) context.line(`  ${String(shared)} objects stay: other data needs them too`);
  for (const { name, objects: there } of remotes) context.line(`  remote '${name}': ${String(there)} objects`);
  context.line("  used by, and not to be restored there afterwards:");
  for (const use of uses.slice(0, MOST)) context.line(`    ${use}`);
  if (uses.length > MOST) context.line(`    … and ${String(uses.length - MOST)} more`);
}
