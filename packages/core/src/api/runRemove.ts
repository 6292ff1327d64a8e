import { lstatSync, rmSync } from "node:fs";
import { unprotectPath } from "../data/unprotect.ts";
import type { Output, Stage } from "../pipeline/stage.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import type { Repo } from "../repo/repo.ts";

/** Clears the way for a run. What lies outside of the project is left alone; what persists becomes writable. */
export function removeOutput(repo: Repo, stage: Stage, out: Output): void {
  if (!out.isLocal || (!out.useCache && !out.isInRepo)) return;
  checkOutputPath(repo, stage, out);
  if (!out.persist) rmSync(out.path, { recursive: true, force: true });
  else if (out.useCache && lstatSync(out.path, { throwIfNoEntry: false }) !== undefined) unprotectPath(out.path);
}
