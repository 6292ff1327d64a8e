import type { VersionInfo } from "@holdfast/core/api/version";
import { type Command, defineCommand } from "../command.ts";
import { COMPATIBLE_DVC, VERSION } from "../version.ts";

/** `version`. */
export const version: Command = defineCommand({
  name: "version",
  aliases: ["doctor"],
  summary: "Show the version, the surroundings and how the project is set up.",
  docs: "version",
  examples: [{ text: "What to put into a bug report", command: "version" }],
  options: {},
  positionals: {},
  async run(context) {
    const { versionInfo } = await import("@holdfast/core/api/version");
    return { holdfast: VERSION, dvc: COMPATIBLE_DVC, ...(await versionInfo(context.env)) };
  },
  render(result, context) {
    context.forced(lines(result).join("\n"));
  },
});

function lines(info: VersionInfo & { readonly holdfast: string; readonly dvc: string }): string[] {
  const title = `DVC version: ${info.dvc} (holdfast ${info.holdfast})`;
  const head = [
    title,
    "-".repeat(title.length),
    `Platform: ${info.platform}`,
    "Subprojects:",
    `\tholdfast = ${info.holdfast}`,
    "Supports:",
    info.supports.map((one) => `\t${one}`).join(",\n"),
    "Config:",
    `\tGlobal: ${info.config.global}`,
    `\tSystem: ${info.config.system}`,
  ];
  const { project } = info;
  if (project === undefined) return head;
  if (project === "broken-git") return [...head, "Repo: dvc, git (broken)"];
  return [
    ...head,
    `Cache types: ${project.cacheTypes === undefined ? "<https://error.dvc.org/no-dvc-cache>" : project.cacheTypes.join(", ")}`,
    ...(project.cacheDirectory === undefined ? [] : [`Cache directory: ${project.cacheDirectory}`]),
    `Caches: ${project.caches.join(", ")}`,
    `Remotes: ${project.remotes.length === 0 ? "None" : project.remotes.join(", ")}`,
    `Workspace directory: ${project.workspaceDirectory}`,
    `Repo: ${project.repo}`,
    `Repo.site_cache_dir: ${project.siteCacheDir}`,
  ];
}
