import type { Positions } from "./dagCrossings.ts";
import type { Layered } from "./dagLayers.ts";

/** From which corner a pass begins: columns grow from the left or the right, layers from the top or the bottom. */
interface Corner {
  readonly fromLeft: boolean;
  readonly fromTop: boolean;
}

/** Sizes in characters. */
export interface Sizes {
  /** Width of each node, bends included. */
  readonly widths: readonly number[];
  /** Least space between two nodes. */
  readonly gap: number;
}

const corners: readonly Corner[] = [
  { fromLeft: true, fromTop: true },
  { fromLeft: false, fromTop: true },
  { fromLeft: true, fromTop: false },
  { fromLeft: false, fromTop: false },
];

/**
 * The horizontal centre of each node: nodes are lined up with the middle one of their neighbours, four times, from each
 * corner; the mean of the two inner results counts.
 * Brandes, Köpf: "Fast and simple horizontal coordinate assignment" (2001).
 */
export function columns(graph: Layered, position: Positions, sizes: Sizes): number[] {
  const conflicts = findConflicts(graph, position);
  const passes = corners.map((corner) => {
    const blocks = align(graph, position, conflicts, corner);
    return compact(graph, position, sizes, blocks, corner);
  });
  return position.map((_, node) => {
    const found = passes.map((pass) => pass[node] ?? 0).sort((a, b) => a - b);
    return ((found[1] ?? 0) + (found[2] ?? 0)) / 2;
  });
}

function pairKey(upper: number, lower: number): string {
  return `${String(upper)} ${String(lower)}`;
}

/** Edges that cross one between two bends: those go straight, these give way. */
function findConflicts(graph: Layered, position: Positions): ReadonlySet<string> {
  const conflicts = new Set<string>();
  for (const [rank, nodes] of graph.layers.entries()) {
    if (rank === 0) continue;
    let first = 0;
    let least = 0;
    for (const [at, node] of nodes.entries()) {
      if (node < graph.count) continue;
      const above = graph.up[node]?.at(-1) ?? 0;
      const isInner = above >= graph.count;
      if (!isInner && at !== nodes.length - 1) continue;
      const most = isInner ? (position[above] ?? 0) : (graph.layers[rank - 1]?.length ?? 0) - 1;
      for (const lower of nodes.slice(first, at + 1)) {
        for (const upper of graph.up[lower] ?? []) {
          const there = position[upper] ?? 0;
          if (there < least || there > most) conflicts.add(pairKey(upper, lower));
        }
      }
      first = at + 1;
      least = most;
    }
  }
  return conflicts;
}

/** Nodes that stand in one column. */
interface Blocks {
  /** First node of the block. */
  readonly root: number[];
  /** Next node of the block; the last one leads back to the root. */
  readonly next: number[];
}

function inOrder<T>(list: readonly T[], forward: boolean): readonly T[] {
  return forward ? list : [...list].reverse();
}

function align(graph: Layered, position: Positions, conflicts: ReadonlySet<string>, corner: Corner): Blocks {
  const { fromLeft, fromTop } = corner;
  const root = position.map((_, node) => node);
  const next = [...root];
  const isBeyond = (at: number, last: number | undefined): boolean =>
    last === undefined || (fromLeft ? at > last : at < last);
  for (const [step, nodes] of inOrder(graph.layers, fromTop).entries()) {
    if (step === 0) continue;
    let last: number | undefined;
    for (const node of inOrder(nodes, fromLeft)) {
      for (const other of middleOf((fromTop ? graph.up : graph.down)[node] ?? [], position, fromLeft)) {
        const at = position[other] ?? 0;
        const key = fromTop ? pairKey(other, node) : pairKey(node, other);
        if (next[node] !== node || conflicts.has(key) || !isBeyond(at, last)) continue;
        const top = root[other] ?? other;
        next[other] = node;
        root[node] = top;
        next[node] = top;
        last = at;
      }
    }
  }
  return { root, next };
}

/** The middle neighbour, or the two of an even number, in the direction of the pass. */
function middleOf(neighbours: readonly number[], position: Positions, fromLeft: boolean): readonly number[] {
  if (neighbours.length < 2) return neighbours;
  const sorted = [...neighbours].sort((a, b) => (position[a] ?? 0) - (position[b] ?? 0));
  const ordered = inOrder(sorted, fromLeft);
  const half = Math.floor((ordered.length - 1) / 2);
  return ordered.slice(half, half + (ordered.length % 2 === 0 ? 2 : 1));
}

/** Puts the blocks beside each other, as near as their widths let them. */
function compact(graph: Layered, position: Positions, sizes: Sizes, blocks: Blocks, corner: Corner): number[] {
  const packing = new Packing(graph, position, sizes, blocks, corner.fromLeft ? 1 : -1);
  for (const nodes of inOrder(graph.layers, corner.fromTop)) {
    for (const node of inOrder(nodes, corner.fromLeft)) if (blocks.root[node] === node) packing.place(node);
  }
  return position.map((_, node) => packing.columnOf(node));
}

/** Places of blocks, relative to the class that each belongs to. */
class Packing {
  readonly #graph: Layered;
  readonly #position: Positions;
  readonly #sizes: Sizes;
  readonly #blocks: Blocks;
  readonly #step: 1 | -1;
  readonly #column: (number | undefined)[] = [];
  /** Root of the class that a block belongs to. */
  readonly #sink: number[];
  readonly #shift: number[];

  constructor(graph: Layered, position: Positions, sizes: Sizes, blocks: Blocks, step: 1 | -1) {
    this.#graph = graph;
    this.#position = position;
    this.#sizes = sizes;
    this.#blocks = blocks;
    this.#step = step;
    this.#sink = position.map((_, node) => node);
    this.#shift = position.map(() => Infinity);
  }

  /** Places a block after all blocks that stand before one of its nodes. Without recursion: layers may be wide. */
  place(block: number): void {
    if (this.#column[block] !== undefined) return;
    this.#column[block] = 0;
    const open = [{ block, node: block }];
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const before = this.#before(top.node);
      if (before !== undefined) {
        const other = this.#blocks.root[before] ?? before;
        if (this.#column[other] === undefined) {
          this.#column[other] = 0;
          open.push({ block: other, node: other });
          continue;
        }
        this.#settle(top.block, other, this.#distance(before, top.node));
      }
      top.node = this.#blocks.next[top.node] ?? top.block;
      if (top.node === top.block) open.pop();
    }
  }

  #before(node: number): number | undefined {
    return this.#graph.layers[this.#graph.rank[node] ?? 0]?.[(this.#position[node] ?? 0) - this.#step];
  }

  #distance(one: number, other: number): number {
    const { gap, widths } = this.#sizes;
    return gap + ((widths[one] ?? 0) + (widths[other] ?? 0)) / 2;
  }

  #settle(block: number, before: number, distance: number): void {
    const sink = this.#sink[before] ?? before;
    if (this.#sink[block] === block) this.#sink[block] = sink;
    const least = (this.#column[before] ?? 0) + distance;
    const own = this.#column[block] ?? 0;
    if (this.#sink[block] === sink) this.#column[block] = Math.max(own, least);
    else this.#shift[sink] = Math.min(this.#shift[sink] ?? Infinity, own - least);
  }

  columnOf(node: number): number {
    const root = this.#blocks.root[node] ?? node;
    const shift = this.#shift[this.#sink[root] ?? root] ?? Infinity;
    const column = (this.#column[root] ?? 0) * this.#step;
    return shift < Infinity ? column + this.#step * shift : column;
  }
}
