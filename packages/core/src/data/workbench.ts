import { dirname } from "node:path";
import { newFileMode } from "../base/fileMode.ts";
import type { OsPath } from "../base/paths.ts";
import { ObjectLanes } from "./objectLanes.ts";
import { removeTreeQuietly } from "../fs/atomic.ts";
import { cleanStaging, makeStaging } from "./swap.ts";

/**
 * What all outputs of one checkout share: staging folders, one a file system, and the lanes that hash objects. A thousand
 * outputs that are one file each would spend more time on folders and lanes of their own than on their files.
 */
export class Workbench {
  readonly #tmp: OsPath | undefined;
  readonly #cleaned = new Set<OsPath>();
  /** Folders of outputs whose place to build was looked through. */
  readonly #looked = new Set<OsPath>();
  /** By the folder of the output. */
  readonly #stagingOf = new Map<OsPath, OsPath>();
  /** By the folder that holds it. */
  readonly #staging = new Map<OsPath, OsPath>();
  #lanes: ObjectLanes | undefined;
  #fileMode: number | undefined;
  #names = 0;

  /** `tmp`: where to build, if it is on the file system of the output. */
  constructor(tmp: OsPath | undefined) {
    this.#tmp = tmp;
  }

  /** Made when they are first asked for: some 60 µs. */
  get lanes(): ObjectLanes {
    this.#lanes ??= new ObjectLanes();
    return this.#lanes;
  }

  /** Permission bits of new files. */
  get fileMode(): number {
    this.#fileMode ??= newFileMode();
    return this.#fileMode;
  }

  /** Removes what killed runs left where an output would be built. */
  clean(target: OsPath): void {
    const folder = dirname(target);
    if (this.#looked.has(folder)) return;
    this.#looked.add(folder);
    cleanStaging(target, this.#tmp, this.#cleaned);
  }

  /** The folder to build an output in. */
  stagingFor(target: OsPath): OsPath {
    const folder = dirname(target);
    let staging = this.#stagingOf.get(folder);
    if (staging === undefined) {
      staging = makeStaging(target, this.#tmp, this.#staging);
      this.#stagingOf.set(folder, staging);
    }
    return staging;
  }

  /** A name that nothing in the staging folders has. */
  nextName(): string {
    return String(this.#names++);
  }

  /** Removes the staging folders with whatever is left in them. */
  clear(): void {
    for (const staging of this.#staging.values()) removeTreeQuietly(staging);
    this.#staging.clear();
    this.#stagingOf.clear();
  }
}
