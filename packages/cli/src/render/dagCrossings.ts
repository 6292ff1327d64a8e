import type { Layered } from "./dagLayers.ts";

/** Where each node stands in its layer, from 0. */
export type Positions = readonly number[];

/** What the sweeps know of each node. */
interface Places {
  readonly position: number[];
  /** Position as a part of the layer's width, 0 to 1; of a layer with one node 0. */
  readonly share: number[];
}

/**
 * Sorts the nodes within the layers so that fewer edges cross: once down and up again and once more down, each node to the
 * mean of its neighbours in the layer before, then neighbours change places where that is better. Changes `layers`.
 */
export function uncross(graph: Layered): Positions {
  const places: Places = { position: [], share: [] };
  for (const nodes of graph.layers) place(nodes, places);
  let crossings = 0;
  for (const nodes of graph.layers) crossings += sortLayer(nodes, graph.up, places);
  if (crossings > 0) {
    for (const nodes of [...graph.layers].reverse()) sortLayer(nodes, graph.down, places);
  }
  for (const nodes of graph.layers) sortLayer(nodes, graph.up, places);
  return places.position;
}

function place(nodes: readonly number[], { position, share }: Places): void {
  const step = nodes.length > 1 ? 1 / (nodes.length - 1) : 1;
  for (const [at, node] of nodes.entries()) {
    position[node] = at;
    share[node] = at * step;
  }
}

type Neighbours = readonly (readonly number[])[];

/** Returns how many crossings are left, at most. */
function sortLayer(nodes: number[], neighbours: Neighbours, places: Places): number {
  if (countCrossings(nodes, neighbours, places) === 0) return 0;
  const { share } = places;
  for (const node of nodes) {
    const shares = sharesOf(node, neighbours, places);
    if (shares.length > 0) share[node] = shares.reduce((sum, one) => sum + one, 0) / shares.length;
  }
  nodes.sort((a, b) => (share[a] ?? 0) - (share[b] ?? 0));
  const left = swapPairs(nodes, neighbours, places);
  place(nodes, places);
  return left;
}

function sharesOf(node: number, neighbours: Neighbours, { share }: Places): number[] {
  return (neighbours[node] ?? []).map((one) => share[one] ?? 0);
}

/** Exchanges each two nodes side by side, from left to right, where fewer edges cross then. */
function swapPairs(nodes: number[], neighbours: Neighbours, places: Places): number {
  let crossings = 0;
  for (let at = 0; at + 1 < nodes.length; at++) {
    const left = nodes[at] ?? 0;
    const right = nodes[at + 1] ?? 0;
    const fromLeft = sharesOf(left, neighbours, places);
    let present = 0;
    let exchanged = 0;
    for (const one of sharesOf(right, neighbours, places)) {
      const beyond = fromLeft.filter((other) => other > one).length;
      present += beyond;
      exchanged += fromLeft.length - beyond;
    }
    if (exchanged < present) {
      nodes[at] = right;
      nodes[at + 1] = left;
    }
    crossings += Math.min(present, exchanged);
  }
  return crossings;
}

/** Inversions among the ends of the edges. Barth, Mutzel: "Simple and efficient bilayer cross counting" (2002). */
function countCrossings(nodes: readonly number[], neighbours: Neighbours, { position }: Places): number {
  const ends: number[] = [];
  for (const node of nodes) {
    const own = (neighbours[node] ?? []).map((one) => position[one] ?? 0);
    for (const end of own.sort((a, b) => a - b)) ends.push(end);
  }
  const tree = new Int32Array(Math.max(0, ...ends) + 2);
  let count = 0;
  for (const [before, end] of ends.entries()) {
    let notBeyond = 0;
    for (let at = end + 1; at > 0; at -= at & -at) notBeyond += tree[at] ?? 0;
    count += before - notBeyond;
    for (let at = end + 1; at < tree.length; at += at & -at) tree[at] = (tree[at] ?? 0) + 1;
  }
  return count;
}
