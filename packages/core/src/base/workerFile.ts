import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { OsPath } from "./paths.ts";

/**
 * The JavaScript file of a worker thread. `module` is its path below the sources without the ending, such as
 * `data/ingestWorker`; the command line's bundle keeps workers below itself, the library beside this folder.
 *
 * @returns undefined when there is none, as when the sources run unbuilt: the caller then does the work itself.
 */
export function workerFile(module: string): OsPath | undefined {
  for (const place of ["./", "../"]) {
    const file = fileURLToPath(new URL(`${place}${module}.js`, import.meta.url));
    if (existsSync(file)) return file;
  }
  return undefined;
}
