import type { OsPath } from "../base/paths.ts";
import { OutsIndex } from "../pipeline/outsIndex.ts";
import type { StageOutput } from "../repo/dataRoots.ts";
import type { Index, Selected } from "../repo/index.ts";
import type { Repo } from "../repo/repo.ts";
import { viewOf } from "../repo/shown.ts";

/**
 * Everything that a checkout brings. Cycles don't matter here, as in DVC, nor do files that record the same output, as long
 * as what they record is the same: one of them counts, and that with a hash before that without.
 * @throws {GraphError} for outputs within each other, and for one that is recorded in two ways: nobody knows what it should hold
 */
export function agreedOutputs(repo: Repo, index: Index): readonly Selected[] {
  const byPath = new Map<OsPath, StageOutput>();
  for (const one of index.outs) {
    const { path, hash } = one.out;
    const before = byPath.get(path)?.out.hash;
    if (before === undefined) byPath.set(path, one);
    else if (hash !== undefined && hash.value !== before.value) index.checkGraph();
  }
  const agreed = [...byPath.values()];
  OutsIndex.of(
    agreed.map(({ stage, out }) => ({ ...stage, outs: [out] })),
    viewOf(repo, {}),
  );
  return agreed.length === index.outs.length ? index.collect([]) : agreed;
}
