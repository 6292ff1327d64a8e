import { archiveTargets } from "./archiveTargets.ts";
import { configTargets } from "./configTargets.ts";
import { factTargets } from "./factTargets.ts";
import { gitTargets } from "./gitTargets.ts";
import { pointerTargets } from "./pointerTargets.ts";
import { recordTargets } from "./recordTargets.ts";
import { valueTargets } from "./valueTargets.ts";

/** A parser of what strangers write. */
export interface Target {
  readonly name: string;
  /** What to begin with. */
  readonly seeds: readonly (string | Uint8Array)[];
  /** Words that mean something to it. */
  readonly words: readonly string[];
  /** @throws for a finding: an error that the parser does not promise, or a value that does not survive writing and reading. */
  readonly run: (bytes: Buffer) => void | Promise<void>;
}

/** Every parser that meets files of a repository, of a remote, or of `.dvc/tmp`. */
export const targets: readonly Target[] = [
  ...pointerTargets,
  ...valueTargets,
  ...configTargets,
  ...gitTargets,
  ...archiveTargets,
  ...recordTargets,
  ...factTargets,
];
