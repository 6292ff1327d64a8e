import { contentOf } from "../../packages/core/src/odb/cacheContent.ts";
import type { ObjectDb } from "../../packages/core/src/odb/objectDb.ts";

/** Paths of temporary files in a cache: left behind, or being written now. */
export function temporariesIn(cache: ObjectDb): string[] {
  return [...contentOf(cache)].filter(({ kind }) => kind === "temporary").map(({ path }) => path);
}
