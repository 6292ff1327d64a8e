/** A graph set out in layers, what is needed above what needs it. Nodes are numbers; those from `count` on are bends. */
export interface Layered {
  /** How many nodes are no bends. */
  readonly count: number;
  /** The nodes of each layer from left to right; the steps that follow change the order. */
  readonly layers: number[][];
  /** Layer of each node. */
  readonly rank: readonly number[];
  /** Neighbours one layer up, by node. */
  readonly up: readonly (readonly number[])[];
  /** Neighbours one layer down, by node. */
  readonly down: readonly (readonly number[])[];
  /** For each edge its way through the layers, ends included; as the edge goes. */
  readonly routes: readonly (readonly number[])[];
}

/** From a node to one that needs it. */
export type Edge = readonly [from: number, to: number];

/** An edge as it is laid out: downwards, whatever its own direction. */
interface Arc {
  readonly top: number;
  readonly bottom: number;
  readonly isTurned: boolean;
}

/**
 * Gives each node of a connected graph a layer: below all that it needs, and as near as can be to what needs it. Edges
 * over several layers get a bend in each between. The order within the layers is that of the search that finds them.
 * Sugiyama, Tagawa, Toda: "Methods for visual understanding of hierarchical system structures" (1981), first two steps.
 */
export function layer(count: number, edges: readonly Edge[]): Layered {
  const links = edges.filter(([from, to]) => from !== to);
  const order = mergedOrder(count, links);
  const incident: number[][] = Array.from({ length: count }, () => []);
  for (const [index, [from, to]] of links.entries()) {
    incident[from]?.push(index);
    incident[to]?.push(index);
  }
  const arcs = withoutCycles(order, links, incident);
  const above = (node: number): number[] => arcsOf(node, "bottom").map((arc) => arc.top);
  const below = (node: number): number[] => arcsOf(node, "top").map((arc) => arc.bottom);
  const arcsOf = (node: number, end: "top" | "bottom"): Arc[] =>
    (incident[node] ?? []).flatMap((index) => arcs[index] ?? []).filter((arc) => arc[end] === node);
  const ups = Array.from({ length: count }, (_, node) => above(node));
  const downs = Array.from({ length: count }, (_, node) => below(node));
  const { layers, rank } = rankNodes(order, ups, downs);
  pullDown(layers, rank, ups, downs);
  return withBends(count, arcs, incident, layers, rank);
}

/** Nodes in the order in which edges join them: those around the upper end first. */
function mergedOrder(count: number, edges: readonly Edge[]): number[] {
  const group = Array.from({ length: count }, (_, node) => [node]);
  for (const [from, to] of edges) {
    const first = group[from] ?? [];
    const second = group[to] ?? [];
    if (first === second) continue;
    for (const node of second) {
      first.push(node);
      group[node] = first;
    }
  }
  return group[0] ?? [];
}

/** Turns those edges around that would close a cycle. */
function withoutCycles(
  order: readonly number[],
  edges: readonly Edge[],
  incident: readonly (readonly number[])[],
): Arc[] {
  const leaving = incident.map((list, node) => list.filter((index) => edges[index]?.[0] === node));
  const entered = new Set(edges.map(([, to]) => to));
  const turned = new Set<number>();
  const state = new Map<number, "open" | "done">();
  for (const start of [...order.filter((node) => !entered.has(node)), ...order]) {
    if (state.has(start)) continue;
    state.set(start, "open");
    const path = [{ node: start, next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const index = leaving[top.node]?.[top.next++];
      if (index === undefined) {
        state.set(top.node, "done");
        path.pop();
        continue;
      }
      const to = edges[index]?.[1] ?? 0;
      if (state.get(to) === "open") turned.add(index);
      else if (!state.has(to)) {
        state.set(to, "open");
        path.push({ node: to, next: 0 });
      }
    }
  }
  return edges.map(([from, to], index) =>
    turned.has(index) ? { top: to, bottom: from, isTurned: true } : { top: from, bottom: to, isTurned: false },
  );
}

/** Each node one below the lowest that it needs; layer by layer. */
function rankNodes(
  order: readonly number[],
  ups: readonly (readonly number[])[],
  downs: readonly (readonly number[])[],
): { layers: number[][]; rank: number[] } {
  const rank = ups.map(() => 0);
  const waiting = ups.map((list) => list.length);
  const layers: number[][] = [];
  let ready = order.filter((node) => waiting[node] === 0);
  while (ready.length > 0) {
    const next: number[] = [];
    for (const node of ready) {
      const at = Math.max(-1, ...(ups[node] ?? []).map((one) => rank[one] ?? 0)) + 1;
      rank[node] = at;
      (layers[at] ??= []).push(node);
      for (const one of downs[node] ?? []) {
        waiting[one] = (waiting[one] ?? 0) - 1;
        if (waiting[one] === 0) next.push(one);
      }
    }
    ready = next;
  }
  return { layers, rank };
}

/** Moves nodes down to right above the first that needs them, from the bottom up. */
function pullDown(
  layers: number[][],
  rank: number[],
  ups: readonly (readonly number[])[],
  downs: readonly (readonly number[])[],
): void {
  for (let at = layers.length - 1; at > 0; at--) {
    for (const node of layers[at] ?? []) {
      for (const one of ups[node] ?? []) {
        if (!(downs[one] ?? []).every((user) => (rank[user] ?? 0) >= at)) continue;
        const old = layers[rank[one] ?? 0] ?? [];
        old.splice(old.indexOf(one), 1);
        rank[one] = at - 1;
        layers[at - 1]?.push(one);
      }
    }
  }
}

function withBends(
  count: number,
  arcs: readonly Arc[],
  incident: readonly (readonly number[])[],
  layers: number[][],
  rank: number[],
): Layered {
  const up: number[][] = [];
  const down: number[][] = [];
  let next = count;
  const routes = arcs.map(({ top, bottom }) => {
    const route = [top];
    for (let at = (rank[top] ?? 0) + 1; at < (rank[bottom] ?? 0); at++) {
      const bend = next++;
      rank[bend] = at;
      layers[at]?.push(bend);
      route.push(bend);
    }
    return [...route, bottom];
  });
  for (const route of routes) {
    for (let at = 1; at < route.length - 1; at++) {
      up[route[at] ?? 0] = [route[at - 1] ?? 0];
      down[route[at] ?? 0] = [route[at + 1] ?? 0];
    }
  }
  for (const [node, list] of incident.entries()) {
    const own = list.map((index) => routes[index] ?? []);
    up[node] = own.filter((route) => route.at(-1) === node).map((route) => route.at(-2) ?? 0);
    down[node] = own.filter((route) => route[0] === node).map((route) => route[1] ?? 0);
  }
  return {
    count,
    layers,
    rank,
    up,
    down,
    routes: routes.map((route, index) => (arcs[index]?.isTurned === true ? [...route].reverse() : route)),
  };
}
