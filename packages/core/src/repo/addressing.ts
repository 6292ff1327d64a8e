import { addressing as addressFrom } from "../pipeline/display.ts";
import type { Stage } from "../pipeline/stage.ts";
import type { Repo } from "./repo.ts";

/** How DVC names a stage, relative to the working folder: `train`, `dir/dvc.yaml:train`, `data.dvc`. */
export function addressing(repo: Repo, stage: Pick<Stage, "file" | "name">): string {
  return addressFrom(stage, { root: repo.root, cwd: repo.env.cwd });
}
