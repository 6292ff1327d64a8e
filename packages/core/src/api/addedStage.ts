import { relative } from "node:path";
import type { Output, Stage } from "../pipeline/stage.ts";
import type { Repo } from "../repo/repo.ts";
import { shownPath } from "../repo/shown.ts";

/** One `.dvc` file that was written. Paths are relative to the working folder. */
export interface AddedStage {
  readonly file: string;
  readonly path: string;
  readonly hash: string;
  /** Bytes; undefined where it is not known (a part of a folder was replaced). */
  readonly size: number | undefined;
  readonly nfiles: number | undefined;
}

/** What `add` tells of one stage. */
export function addedStage(repo: Repo, stage: Stage, out: Output): AddedStage {
  return {
    file: relative(repo.env.cwd, stage.file),
    path: shownPath(repo, out),
    hash: out.hash?.value ?? "",
    size: out.meta.size,
    nfiles: out.meta.nfiles,
  };
}
