import { dirname, join } from "node:path";
import { posixRelative } from "../base/paths.ts";
import type { Index } from "./index.ts";
import type { Repo } from "./repo.ts";

/** Files that the top level of each dvc.yaml lists, relative to the project's root. */
export function topLevelFiles(repo: Repo, index: Index, section: "metrics" | "params"): string[] {
  return index.projects.flatMap((project) =>
    project.section(section).flatMap((file) => {
      if (typeof file !== "string") return [];
      return [posixRelative(repo.root, join(dirname(project.file), file))];
    }),
  );
}
