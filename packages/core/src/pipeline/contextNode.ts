import { isRecord, setKey } from "../formats/pyValues.ts";
import { TemplateProblem } from "./templateProblem.ts";

/** Where a value of a template's context came from. */
export interface Origin {
  /** File as written in messages, or `vars[0]`; undefined for `item` and `key`. */
  readonly source: string | undefined;
  /** Dotted path within the source. */
  readonly path: string;
  /** False when it came from a file, so that using it counts. */
  readonly isLocal: boolean;
}

/** A scalar. */
export class ValueNode {
  readonly value: unknown;
  readonly origin: Origin;
  constructor(value: unknown, origin: Origin) {
    this.value = value;
    this.origin = origin;
  }
}

/** A list. Never changed once made. */
export class ListNode {
  readonly items: readonly ContextNode[];
  readonly origin: Origin;
  constructor(items: readonly ContextNode[], origin: Origin) {
    this.items = items;
    this.origin = origin;
  }
}

/** A mapping with text keys. */
export class MapNode {
  readonly entries: Map<string, ContextNode>;
  readonly origin: Origin;
  constructor(entries: Map<string, ContextNode>, origin: Origin) {
    this.entries = entries;
    this.origin = origin;
  }
}

/** A value of the context. */
export type ContextNode = ValueNode | ListNode | MapNode;

/** Origin of values that no file holds. */
export const NOWHERE: Origin = { source: undefined, path: "", isLocal: true };

/** Whether `value` is already part of a context. */
export function isNode(value: unknown): value is ContextNode {
  return value instanceof ValueNode || value instanceof ListNode || value instanceof MapNode;
}

/** Makes a node of a parsed value; nodes inside are kept. Keys that are no text are left out, as in DVC. */
export function toNode(value: unknown, origin: Origin): ContextNode {
  if (isNode(value)) return value;
  if (Array.isArray(value)) {
    return new ListNode(
      value.map((one, index) => toNode(one, below(origin, String(index)))),
      origin,
    );
  }
  if (isRecord(value)) return toMapNode(Object.entries(value), origin);
  return new ValueNode(value, origin);
}

/** Makes a mapping node of entries in their order. */
export function toMapNode(entries: Iterable<readonly [string, unknown]>, origin: Origin): MapNode {
  const node = new MapNode(new Map(), origin);
  for (const [key, one] of entries) node.entries.set(key, toNode(one, below(origin, key)));
  return node;
}

function below(origin: Origin, key: string): Origin {
  return { ...origin, path: origin.path === "" ? key : `${origin.path}.${key}` };
}

/** The plain value of a node. */
export function plainOf(node: ContextNode): unknown {
  if (node instanceof ValueNode) return node.value;
  if (node instanceof ListNode) return node.items.map(plainOf);
  const result: Record<string, unknown> = {};
  for (const [key, one] of node.entries) setKey(result, key, plainOf(one));
  return result;
}

/** Copies mappings, so that a merge into the copy leaves the original alone. */
export function cloneMap(node: MapNode): MapNode {
  const entries = new Map<string, ContextNode>();
  for (const [key, one] of node.entries) entries.set(key, one instanceof MapNode ? cloneMap(one) : one);
  return new MapNode(entries, node.origin);
}

/** Merges `update` into `into`, mappings key by key. @throws {TemplateProblem} when a leaf is already there. */
export function mergeInto(into: MapNode, update: MapNode): void {
  for (const [key, value] of update.entries) {
    const present = into.entries.get(key);
    if (present instanceof MapNode && value instanceof MapNode) mergeInto(present, value);
    else if (present !== undefined) {
      throw new TemplateProblem(
        "merge",
        `cannot redefine '${value.origin.path}' from '${value.origin.source ?? "None"}'` +
          ` as it already exists in '${present.origin.source ?? "None"}'`,
      );
    } else into.entries.set(key, value);
  }
}

/** Finds `a.b[0]` in `node`; undefined when it is not there. Negative indices count from the end, as in Python. */
export function selectNode(node: ContextNode, expression: string): ContextNode | undefined {
  let current: ContextNode | undefined = node;
  for (const part of expression.replaceAll("[", ".").replaceAll("]", "").split(".")) {
    const key = part.trim();
    if (current instanceof MapNode) current = current.entries.get(key);
    else if (current instanceof ListNode && /^[+-]?\d+$/.test(key)) current = current.items.at(Number(key));
    else return undefined;
  }
  return current;
}
