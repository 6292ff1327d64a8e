import type { StageOutput } from "./dataRoots.ts";
import type { Repo } from "./repo.ts";
import { addressOf, shownPath, shownStage } from "./shown.ts";

/** DVC's warning of an output without a hash, and what to do when its file is there. */
export function unmadeText(repo: Repo, { stage, out }: StageOutput): string {
  const { programName } = repo.env;
  const [path, of] = [shownPath(repo, out), shownStage(repo, stage)];
  const warning = `Output '${path}'(${of}) is missing version info. Cache for it will not be collected. Use \`${programName} repro\` to get your pipeline up to date.`;
  if (!repo.workspace.exists(out.path) || repo.ignore.path(out.path)) return warning;
  return `${warning}\nYou can also use \`${programName} commit ${addressOf(repo, stage)}\` to associate existing '${path}' with ${of}.`;
}
