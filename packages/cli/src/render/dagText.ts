import type { DagResult } from "@holdfast/core/api/dag";
import { drawAscii } from "./dagAscii.ts";

/** Node by node its place in the list, and the edges by these places. */
type Numbered = readonly (readonly [from: number, to: number])[];

function numbered({ nodes, edges }: DagResult): Numbered {
  const place = new Map(nodes.map((node, index) => [node, index]));
  return edges.map(({ from, to }) => [place.get(from) ?? 0, place.get(to) ?? 0]);
}

/** Graphviz' language, byte by byte as DVC writes it: nodes, then edges by the places of their ends. */
export function dagDot(dag: DagResult): string {
  const quoted = dag.nodes.map((node) => (node.startsWith('"') || node.endsWith('"') ? node : `"${node}"`));
  const edges = [...numbered(dag)].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const isStrict = edges.every(([from, to]) => from !== to);
  return [
    `${isStrict ? "strict " : ""}digraph {`,
    ...quoted.map((node) => `${node};`),
    ...edges.map(([from, to]) => `${quoted[from] ?? ""} -> ${quoted[to] ?? ""};`),
    "}\n",
  ].join("\n");
}

/** Mermaid's language: the connected parts one after the other, each sorted by name; with `fenced` as Markdown. */
export function dagMermaid(dag: DagResult, fenced: boolean): string {
  const lines = ["flowchart TD"];
  let count = 0;
  for (const { nodes, edges } of parts(dag)) {
    const names = [...nodes].sort(byCodePoint);
    const id = new Map(names.map((name) => [name, `node${String(++count)}`]));
    for (const name of names) lines.push(`\t${id.get(name) ?? ""}["${name}"]`);
    const sorted = [...edges].sort((a, b) => byCodePoint(a.from, b.from) || byCodePoint(a.to, b.to));
    for (const { from, to } of sorted) lines.push(`\t${id.get(from) ?? ""}-->${id.get(to) ?? ""}`);
  }
  const text = lines.join("\n");
  return fenced ? `\`\`\`mermaid\n${text}\n\`\`\`` : text;
}

/** Boxes and stars, the connected parts below each other. */
export function dagAscii(dag: DagResult): string {
  return parts(dag)
    .map((part) => drawAscii(part.nodes, numbered(part)))
    .join("\n");
}

/** The connected parts, in the order of their first node; each in the order of the whole. */
function parts({ nodes, edges }: DagResult): DagResult[] {
  const linked = new Map<string, string[]>(nodes.map((node) => [node, []]));
  for (const { from, to } of edges) {
    linked.get(from)?.push(to);
    linked.get(to)?.push(from);
  }
  const partOf = new Map<string, { nodes: string[]; edges: DagResult["edges"][number][] }>();
  const found: { nodes: string[]; edges: DagResult["edges"][number][] }[] = [];
  for (const start of nodes) {
    if (partOf.has(start)) continue;
    const part = { nodes: [], edges: [] };
    found.push(part);
    const seen = new Set([start]);
    // A set goes on over what is added meanwhile.
    for (const node of seen) for (const other of linked.get(node) ?? []) seen.add(other);
    for (const node of seen) partOf.set(node, part);
  }
  for (const node of nodes) partOf.get(node)?.nodes.push(node);
  for (const edge of edges) partOf.get(edge.from)?.edges.push(edge);
  return found;
}

/** Python's order of texts. */
function byCodePoint(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const difference = (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
