import { DvcError } from "../base/errors.ts";
import { checkOutputPlace } from "../pipeline/location.ts";
import type { Output, Stage } from "../pipeline/stage.ts";
import type { Repo } from "./repo.ts";
import { shownPath } from "./shown.ts";

/**
 * Makes sure that the data of an output may be written or removed: it lies inside the project, touches neither `.git` nor
 * `.dvc`, and no folder above it is a symlink that leaves the project. To be called before anything is changed.
 * @throws {UnsafePathError} that names the entry; {DvcError} in DVC's words for outputs outside of the project.
 */
export function checkOutputPath(repo: Repo, stage: Pick<Stage, "file" | "cmd" | "deps">, out: Output): void {
  if (out.useCache && (!out.isLocal || !out.isInRepo)) {
    const isData = stage.cmd === undefined && stage.deps.length === 0;
    const page = isData ? "data-management/importing-external-data" : "pipelines/external-dependencies-and-outputs";
    throw new DvcError(
      `Cached output(s) outside of DVC project: ${shownPath(repo, out)}. See <https://dvc.org/doc/user-guide/${page}> for more info.`,
      { code: "unsafe-path" },
    );
  }
  if (out.isLocal) checkOutputPlace(out, stage.file, repo.root);
}
