import { FormatError } from "../base/errors.ts";
import { isRecord, pyEquals, PyFloat, PyDate } from "./pyValues.ts";
import { asFormatError } from "./yamlMessage.ts";
import { emitNode, nodeOf, normalizeScalar } from "./yamlEmit.ts";
import { parseNodes } from "./yamlNodes.ts";
import type { MappingNode, Pair, SequenceNode, YamlNode } from "./yamlNodes.ts";
import { ValueBuilder } from "./yamlValues.ts";

/**
 * Writes `value` in place of what `previous` holds, the way DVC updates a file: comments, key order and flow style of what
 * stays are kept, new keys come last, lists of another length are replaced whole. The layout is DVC's own style.
 * @param file as messages show it.
 * @throws {FormatError} when `previous` does not parse, or could not be read any more.
 */
export function updateYaml(previous: string, value: unknown, file: string): string {
  const document = parseForUpdate(previous, file);
  if (document === undefined) return emitNode(nodeOf(value));
  const text = emitNode(applyValue(document, value));
  checkReadable(text, file);
  return text;
}

/** What could not be read any more never replaces what can. */
function checkReadable(text: string, file: string): void {
  try {
    parseNodes(text, false);
  } catch {
    throw new FormatError(`'${file}' is written in a way that cannot be kept while it is changed`, {
      file,
      hint: "Change it by hand, or write it more simply: what stands behind '?' is a frequent reason.",
    });
  }
}

/** The node tree of a text, ready to be changed and written again; undefined when the text is empty. @throws {FormatError} */
export function parseForUpdate(text: string, file: string): YamlNode | undefined {
  try {
    const { root } = parseNodes(text, true);
    if (root === undefined) return undefined;
    normalize(root);
    return root.kind === "scalar" && root.style === "" && root.value === "" ? undefined : root;
  } catch (error) {
    throw asFormatError(error, text, file);
  }
}

function normalize(node: YamlNode): void {
  if (node.kind === "scalar") normalizeScalar(node);
  else if (node.kind === "sequence") {
    if (node.items.length === 0) node.flow = undefined;
    // DVC loses the comments of a list in which one stands behind "|" or ">".
    const losesComments = node.items.some((item) => item.kind === "scalar" && item.header !== undefined);
    if (losesComments) node.end = undefined;
    for (const item of node.items) {
      if (losesComments) {
        item.comments = undefined;
        if (item.kind === "scalar") item.header = undefined;
      }
      // DVC loses what stands at the end of a collection in a list.
      if (item.kind === "sequence" || item.kind === "mapping") item.end = undefined;
      normalize(item);
    }
  } else if (node.kind === "mapping") {
    if (node.pairs.length === 0) node.flow = undefined;
    moveCarried(node);
    for (const pair of node.pairs) {
      normalize(pair.key);
      normalize(pair.value);
    }
  }
}

/** A comment behind an empty value is found before the next key; gives it back to the value. */
function moveCarried(node: MappingNode): void {
  let last: Pair | undefined;
  for (const pair of node.pairs) {
    const carried = pair.key.comments?.carried;
    if (carried !== undefined && last?.value.kind === "scalar" && last.value.value === "") {
      last.value.comments = { post: carried, pre: pair.key.comments?.pre };
      pair.key.comments = undefined;
    }
    last = pair;
  }
}

/** Changes `node` to hold `value`; gives back the node to use, which is another one when the kinds differ. */
function applyValue(node: YamlNode, value: unknown): YamlNode {
  if (node.kind === "alias") {
    if (!sameKind(node.target, value)) return replaced(node, value);
    applyValue(node.target, value);
    return node;
  }
  if (node.kind === "mapping" && isRecord(value)) {
    applyMapping(node, value);
    return node;
  }
  if (node.kind === "sequence" && Array.isArray(value)) {
    applyList(node, value);
    return node;
  }
  return isUnchanged(node, value) ? node : replaced(node, value);
}

function sameKind(node: YamlNode, value: unknown): boolean {
  return node.kind === "mapping"
    ? isRecord(value)
    : node.kind === "sequence"
      ? Array.isArray(value)
      : isUnchanged(node, value);
}

function isUnchanged(node: YamlNode, value: unknown): boolean {
  if (typeof value === "object" && value !== null && !(value instanceof PyFloat) && !(value instanceof PyDate))
    return false;
  return node.kind === "scalar" && pyEquals(new ValueBuilder().build(node), value ?? null);
}

/** A new node that keeps the comments of the old; strings keep a block style. */
function replaced(node: YamlNode, value: unknown): YamlNode {
  const fresh = nodeOf(value);
  fresh.comments = node.comments;
  if (
    fresh.kind === "scalar" &&
    node.kind === "scalar" &&
    typeof value === "string" &&
    (node.style === "|" || node.style === ">")
  ) {
    fresh.style = node.style;
    fresh.header = node.header;
  }
  return fresh;
}

function applyMapping(node: MappingNode, value: Record<string, unknown>): void {
  const names = new Map(node.pairs.map((pair): [string, Pair] => [keyText(pair.key), pair]));
  const merged = mergedValues(node);
  for (const [key, one] of Object.entries(value)) {
    if (one === undefined) continue;
    const pair = names.get(key);
    if (pair !== undefined) pair.value = applyValue(pair.value, one);
    else if (!(merged !== undefined && Object.hasOwn(merged, key) && pyEquals(merged[key], one))) {
      node.pairs.push({ key: nodeOf(key), value: nodeOf(one) });
    }
  }
  node.pairs = node.pairs.filter((pair) => isMerge(pair.key) || value[keyText(pair.key)] !== undefined);
}

function isMerge(key: YamlNode): boolean {
  return key.kind === "scalar" && key.value === "<<" && key.style === "";
}

function mergedValues(node: MappingNode): Record<string, unknown> | undefined {
  const merges = node.pairs.filter((pair) => isMerge(pair.key));
  if (merges.length === 0) return undefined;
  const builder = new ValueBuilder();
  for (const { value } of merges) prepareAliases(builder, value);
  return builder.build({ ...node, pairs: merges, anchor: undefined }) as Record<string, unknown>;
}

function prepareAliases(builder: ValueBuilder, node: YamlNode): void {
  if (node.kind === "alias") builder.build(node.target);
  else if (node.kind === "sequence") for (const one of node.items) prepareAliases(builder, one);
}

function keyText(key: YamlNode): string {
  return key.kind === "scalar" ? key.value : "";
}

function applyList(node: SequenceNode, value: readonly unknown[]): void {
  if (node.items.length !== value.length) {
    node.items = value.map((one) => nodeOf(one));
    return;
  }
  node.items = node.items.map((item, index) => applyValue(item, value[index]));
}

/**
 * Writes `value` over `previous` where the entries of the mapping `section` are replaced whole, not merged: those named in
 * `changed` (all when undefined). Other entries keep their text; entries that `value` lacks are dropped; new ones come last,
 * those in `order` before the entries that follow them there. A collection that stands in several places of one entry is written once.
 * @throws {FormatError} when `previous` does not parse.
 */
export function replaceKeys(
  previous: string,
  value: Record<string, unknown>,
  section: string,
  changed: readonly string[] | undefined,
  file: string,
  order?: readonly string[],
): string {
  const root = parseForUpdate(previous, file);
  if (root?.kind !== "mapping") return emitNode(nodeOf(value));
  const { [section]: entries, ...others } = value;
  const pair = root.pairs.find((one) => keyText(one.key) === section);
  if (pair?.value.kind !== "mapping" || !isRecord(entries)) return emitNode(applyValue(root, value));
  const mapping = pair.value;
  const existing = new Map(mapping.pairs.map((one): [string, Pair] => [keyText(one.key), one]));
  for (const [key, one] of Object.entries(entries)) {
    const old = existing.get(key);
    if (old === undefined) insertPair(mapping, { key: nodeOf(key), value: nodeOf(one, new Map()) }, order);
    else if (changed === undefined || changed.includes(key))
      old.value = withComments(nodeOf(one, new Map()), old.value.comments);
  }
  mapping.pairs = mapping.pairs.filter((one) => isMerge(one.key) || entries[keyText(one.key)] !== undefined);
  for (const one of root.pairs)
    if (keyText(one.key) !== section) one.value = applyIfPresent(one.value, others[keyText(one.key)]);
  for (const [key, one] of Object.entries(others)) {
    if (!root.pairs.some((old) => keyText(old.key) === key)) root.pairs.push({ key: nodeOf(key), value: nodeOf(one) });
  }
  return emitNode(root);
}

function withComments(node: YamlNode, comments: YamlNode["comments"]): YamlNode {
  node.comments = comments;
  return node;
}

function insertPair(mapping: MappingNode, pair: Pair, order: readonly string[] | undefined): void {
  const place = order?.indexOf(keyText(pair.key)) ?? -1;
  const later = new Set(place < 0 ? [] : order?.slice(place + 1));
  const at = later.size === 0 ? -1 : mapping.pairs.findIndex((one) => later.has(keyText(one.key)));
  mapping.pairs.splice(at < 0 ? mapping.pairs.length : at, 0, pair);
}

function applyIfPresent(node: YamlNode, value: unknown): YamlNode {
  return value === undefined ? node : applyValue(node, value);
}
