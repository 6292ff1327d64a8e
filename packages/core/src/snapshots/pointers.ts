import type { RelPath } from "../base/paths.ts";

/** Whether a file that Git keeps only says which data belongs to the commit. */
export function isPointer(path: RelPath): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name === "dvc.lock" || (name.endsWith(".dvc") && name !== ".dvc");
}
