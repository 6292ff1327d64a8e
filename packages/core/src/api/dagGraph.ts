/** For each node, in order, the nodes that it needs, in order. */
export type LabelledGraph = ReadonlyMap<string, ReadonlySet<string>>;

/** What the targets need, targets included; with `full` all that is connected with them. Keeps the order. */
export function narrow(graph: LabelledGraph, targets: readonly string[], full: boolean): LabelledGraph {
  const kept = full ? reach(bothWays(graph), targets) : reach(graph, targets);
  const result = new Map<string, ReadonlySet<string>>();
  for (const [node, needed] of graph) {
    if (kept.has(node)) result.set(node, new Set([...needed].filter((one) => kept.has(one))));
  }
  return result;
}

function bothWays(graph: LabelledGraph): LabelledGraph {
  const linked = new Map([...graph].map(([node, needed]) => [node, new Set(needed)]));
  for (const [node, needed] of graph) for (const one of needed) linked.get(one)?.add(node);
  return linked;
}

function reach(graph: LabelledGraph, from: readonly string[]): Set<string> {
  const seen = new Set(from);
  // A set goes on over what is added meanwhile.
  for (const node of seen) for (const one of graph.get(node) ?? []) seen.add(one);
  return seen;
}

/** One node for all stages of each foreach or matrix; these come last. */
export function collapseGroups(graph: LabelledGraph): LabelledGraph {
  const result = new Map<string, Set<string>>();
  const groups = new Map<string, Set<string>>();
  for (const node of graph.keys()) {
    const group = groupOf(node);
    if (group === node) result.set(node, new Set());
    else groups.set(group, groups.get(group) ?? new Set());
  }
  for (const [group, needed] of groups) if (!result.has(group)) result.set(group, needed);
  const isRenamed = (from: string, to: string): boolean => groupOf(from) !== from || groupOf(to) !== to;
  // Links that stay as they are come first.
  for (const renamed of [false, true]) {
    for (const [node, needed] of graph) {
      for (const one of needed) if (isRenamed(node, one) === renamed) result.get(groupOf(node))?.add(groupOf(one));
    }
  }
  return result;
}

/** The foreach or matrix that a stage comes from, by its name; the name itself for others. */
function groupOf(node: string): string {
  const at = node.indexOf("@");
  return at < 0 || node.endsWith(".dvc") ? node : node.slice(0, at);
}
