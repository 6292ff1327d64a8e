import { isVersionedImport } from "../pipeline/changed.ts";
import { isImport, isRepoImport } from "../pipeline/stage.ts";
import type { StageOutput } from "../repo/dataRoots.ts";

/** Whether the data of an output comes from the source of its import, not from a remote. */
export function comesFromSource({ stage, out }: StageOutput): boolean {
  return (
    isRepoImport(stage) || (isVersionedImport(stage) && !out.canPush) || (isImport(stage) && out.hash === undefined)
  );
}
