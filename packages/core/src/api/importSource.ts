import { isVersionedImport } from "../pipeline/changed.ts";
import { isImport, isRepoImport } from "../pipeline/stage.ts";
import type { StageOutput } from "../repo/dataRoots.ts";

/** Whether data that remotes get too may be had again, in the recorded version, from the storage that it was imported from. */
export function isAtSourceToo({ stage, out }: StageOutput): boolean {
  return isVersionedImport(stage) && out.canPush && out.hash !== undefined;
}

/** Whether the data of an output comes from the source of its import, not from a remote. */
export function comesFromSource({ stage, out }: StageOutput): boolean {
  return (
    isRepoImport(stage) || (isVersionedImport(stage) && !out.canPush) || (isImport(stage) && out.hash === undefined)
  );
}
