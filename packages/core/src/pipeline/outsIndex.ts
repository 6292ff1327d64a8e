import { sep } from "node:path";
import { GraphError } from "../base/errors.ts";
import type { Viewpoint } from "./display.ts";
import { addressing, entryText, stageText } from "./display.ts";
import type { Output, Stage } from "./stage.ts";

/** An output and the stage that writes it. */
export interface Owned {
  readonly stage: Stage;
  readonly out: Output;
}

interface TrieNode {
  readonly below: Map<string, TrieNode>;
  owned: Owned | undefined;
}

/** All outputs by path: finds what is above and below a path in the length of the path. */
export class OutsIndex {
  readonly #root: TrieNode = { below: new Map(), owned: undefined };

  /**
   * Adds the outputs of all stages in their order.
   * @throws {GraphError} for an output that two stages write, and for outputs within each other.
   */
  static of(stages: Iterable<Stage>, view: Viewpoint): OutsIndex {
    const index = new OutsIndex();
    for (const stage of stages) for (const out of stage.outs) index.#add({ stage, out }, view);
    return index;
  }

  #add(owned: Owned, view: Viewpoint): void {
    let node = this.#root;
    let above: Owned | undefined;
    for (const part of splitPath(owned.out.path)) {
      above ??= node.owned;
      let next = node.below.get(part);
      if (next === undefined) node.below.set(part, (next = { below: new Map(), owned: undefined }));
      node = next;
    }
    if (node.owned !== undefined) throw duplicate(owned, node.owned, view);
    const inside = firstBelow(node);
    if (inside !== undefined) throw overlap(owned, inside, view);
    if (above !== undefined) throw overlap(above, owned, view);
    node.owned = owned;
  }

  /** Every output, those of one folder together, in the order they came. */
  all(): Iterable<Owned> {
    return allBelow(this.#root);
  }

  /** The output that is `path` or holds it. */
  covering(path: string): Owned | undefined {
    let node: TrieNode | undefined = this.#root;
    for (const part of splitPath(path)) {
      if (node.owned !== undefined) return node.owned;
      node = node.below.get(part);
      if (node === undefined) return undefined;
    }
    return node.owned;
  }

  /** The outputs that are `path`, hold it, or lie below it. */
  overlapping(path: string): Owned[] {
    const found: Owned[] = [];
    let node: TrieNode | undefined = this.#root;
    for (const part of splitPath(path)) {
      if (node.owned !== undefined) found.push(node.owned);
      node = node.below.get(part);
      if (node === undefined) return found;
    }
    for (const owned of allBelow(node)) found.push(owned);
    return found;
  }
}

function splitPath(path: string): string[] {
  const parts = path.split(sep);
  return path.endsWith(sep) ? parts.slice(0, -1) : parts;
}

function* allBelow(node: TrieNode): Generator<Owned> {
  if (node.owned !== undefined) yield node.owned;
  for (const next of node.below.values()) yield* allBelow(next);
}

function firstBelow(node: TrieNode): Owned | undefined {
  for (const owned of allBelow(node)) return owned;
  return undefined;
}

/** An output that two stages write. */
export class DuplicateOutputError extends GraphError {
  /** The later one first. */
  readonly owners: readonly [Owned, Owned];
  constructor(message: string, owners: readonly [Owned, Owned]) {
    super(message);
    this.owners = owners;
  }
}

function duplicate(one: Owned, other: Owned, view: Viewpoint): GraphError {
  if (one.stage.file === other.stage.file && one.stage.name === other.stage.name)
    return new GraphError(alreadySpecified(one, view));
  const names = [one.stage, other.stage].map((stage) => `\t- ${addressing(stage, view)}`).join("\n");
  return new DuplicateOutputError(
    `output '${entryText(one.out, view)}' is specified in:\n${names}` +
      "\nUse `dvc remove` with any of the above targets to stop tracking the overlapping output.",
    [one, other],
  );
}

/** DVC's text for an output that `owner` has already. */
export function alreadySpecified(owner: Owned, view: Viewpoint): string {
  return (
    `output '${entryText(owner.out, view)}' is already specified in ${stageText(owner.stage, view)}.` +
    `\nUse \`dvc remove ${addressing(owner.stage, view)}\` to stop tracking the overlapping output.`
  );
}

/** Two outputs of which one lies inside the other. */
export class OverlapError extends GraphError {
  readonly parent: Owned;
  readonly child: Owned;
  constructor(message: string, parent: Owned, child: Owned) {
    super(message);
    this.parent = parent;
    this.child = child;
  }
}

function overlap(parent: Owned, inner: Owned, view: Viewpoint): OverlapError {
  const line = ({ out, stage }: Owned): string => `'${entryText(out, view)}'('${addressing(stage, view)}')`;
  return new OverlapError(
    `The output paths:\n${line(parent)}\n${line(inner)}\n` +
      "overlap and are thus in the same tracked directory.\n" +
      "To keep reproducibility, outputs should be in separate tracked directories or tracked individually.",
    parent,
    inner,
  );
}
