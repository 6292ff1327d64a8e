import type { StageOutput } from "./dataRoots.ts";
import type { Selected } from "./index.ts";
import { type OutputFilter, selectedOutputs } from "./objects.ts";
import type { Repo } from "./repo.ts";
import { isVersioned } from "./versionedRemote.ts";

/** Tells the outputs whose remote keeps versions from those that go by their hashes. `remote`: the one asked for, if any. */
export class VersionedOutputs {
  readonly #repo: Repo;
  readonly #remote: string | undefined;
  readonly #known = new Map<string | undefined, boolean>();

  constructor(repo: Repo, remote: string | undefined) {
    this.#repo = repo;
    this.#remote = remote;
  }

  has({ out }: StageOutput): boolean {
    const name = out.remote ?? this.#remote;
    let answer = this.#known.get(name);
    if (answer === undefined) this.#known.set(name, (answer = isVersioned(this.#repo, name)));
    return answer;
  }

  /** Those of a selection, with the part of each that was asked for, by the name of their remote; each output once. */
  byRemote(
    selected: readonly Selected[],
    filter: OutputFilter,
  ): Map<string | undefined, (StageOutput & { readonly within: string | undefined })[]> {
    const groups = new Map<string | undefined, (StageOutput & { readonly within: string | undefined })[]>();
    for (const one of selectedOutputs(selected)) {
      const { out } = one;
      if (!out.useCache || !out.isLocal || !out.isInRepo || out.hash === undefined || !filter(one) || !this.has(one))
        continue;
      const name = out.remote ?? this.#remote;
      const group = groups.get(name);
      if (group === undefined) groups.set(name, [one]);
      else if (!group.some((known) => known.out === out && known.within === one.within)) group.push(one);
    }
    return groups;
  }
}
