import { PyDate, PyFloat, pyFloatRepr } from "./pyValues.ts";
import type { AliasNode, MappingNode, NodeComments, Pair, ScalarNode, SequenceNode, YamlNode } from "./yamlNodes.ts";
import { analyzeScalar, readsAsText } from "./yamlScalars.ts";
import { plainKind } from "./yamlValues.ts";
import { YamlWriter } from "./yamlWriter.ts";

/** A key of this many characters or more is written with `?`; ruamel.yaml counts the implicit `!!str` before it. */
const MAX_SIMPLE_KEY = 123;
/** Anchors that were made, not written by a person. */
const GENERATED = /^id(?!000$)\d{3,}$/;
const NOWHERE = { index: 0, line: 0, column: 0 };

/** Nodes of the collections met so far, by identity: one that is met again becomes an alias, as in Python. */
export type SharedNodes = Map<object, YamlNode>;

/**
 * Writes `value` byte by byte as DVC does (ruamel.yaml, block style, 80 columns). Mappings may be objects or `Map`s.
 * `shared`: a collection that stands in several places is written once, with an anchor.
 */
export function dumpYaml(value: unknown, options: { readonly shared?: boolean } = {}): string {
  return emitNode(nodeOf(value, options.shared === true ? new Map() : undefined));
}

/** Writes a node tree with its comments. */
export function emitNode(root: YamlNode): string {
  return new NodeEmitter(root).emit();
}

/** A node for a value, without comments. @throws {TypeError} for what YAML has no form for. */
export function nodeOf(value: unknown, shared?: SharedNodes): YamlNode {
  if (typeof value === "string") return textNode(value);
  if (value === null || value === undefined) return rawNode("");
  if (typeof value === "boolean") return rawNode(value ? "true" : "false");
  if (typeof value === "number" || typeof value === "bigint" || value instanceof PyFloat)
    return rawNode(numberText(value));
  if (value instanceof PyDate) return rawNode(value.text);
  if (typeof value !== "object") throw new TypeError(`cannot represent ${typeof value} as YAML`);
  const known = shared?.get(value);
  if (known !== undefined) return aliasOf(known);
  const base = {
    tag: undefined,
    anchor: undefined,
    start: NOWHERE,
    comments: undefined,
    end: undefined,
    flow: undefined,
  };
  if (Array.isArray(value)) {
    const list: SequenceNode = { ...base, kind: "sequence", items: [] };
    shared?.set(value, list);
    list.items = value.map((one) => nodeOf(one, shared));
    return list;
  }
  const mapping: MappingNode = { ...base, kind: "mapping", pairs: [] };
  shared?.set(value, mapping);
  const entries: [unknown, unknown][] = value instanceof Map ? [...value.entries()] : Object.entries(value);
  mapping.pairs = entries
    .filter(([, one]) => one !== undefined)
    .map(([key, one]): Pair => ({ key: nodeOf(key), value: nodeOf(one, shared) }));
  return mapping;
}

/** Its name is given when it is written. */
function aliasOf(target: YamlNode): AliasNode {
  return { kind: "alias", name: "", target, tag: undefined, anchor: undefined, start: NOWHERE, comments: undefined };
}

function numberText(value: number | bigint | PyFloat): string {
  if (typeof value === "bigint") return value.toString();
  const number = typeof value === "number" ? value : value.value;
  if (typeof value === "number" && Number.isInteger(number)) return BigInt(number).toString();
  if (Number.isNaN(number)) return ".nan";
  if (!Number.isFinite(number)) return number > 0 ? ".inf" : "-.inf";
  return pyFloatRepr(number);
}

/** A string whose style is chosen when it is written. */
export function textNode(value: string): ScalarNode {
  return {
    kind: "scalar",
    value,
    style: "'",
    header: undefined,
    tag: undefined,
    anchor: undefined,
    start: NOWHERE,
    comments: undefined,
  };
}

/** A scalar written plainly as it is. */
function rawNode(value: string): ScalarNode {
  return { ...textNode(value), style: "" };
}

type Place = "root" | "item" | "value" | "key";

class NodeEmitter {
  readonly #out = new YamlWriter();
  readonly #root: YamlNode;
  /** What aliases point to, with the anchor it gets. */
  readonly #used = new Map<YamlNode, string>();
  #generated = 0;
  readonly #preDone = new Set<NodeComments>();
  #flow: string[] = [];

  constructor(root: YamlNode) {
    this.#root = root;
    this.#findAliases(root);
  }

  emit(): string {
    this.#node(this.#root, "root");
    this.#out.writeIndent();
    if (this.#out.openEnded) {
      this.#out.indicator("...", true);
      this.#out.writeIndent();
    }
    return this.#out.text();
  }

  #findAliases(node: YamlNode): void {
    if (node.kind === "alias") this.#name(node.target);
    else if (node.kind === "sequence") for (const one of node.items) this.#findAliases(one);
    else if (node.kind === "mapping") {
      for (const pair of node.pairs) {
        this.#findAliases(pair.key);
        this.#findAliases(pair.value);
      }
    }
  }

  /** Anchors that a person wrote stay; others are numbered in the order in which they are met again. */
  #name(target: YamlNode): void {
    if (this.#used.has(target)) return;
    const own = target.anchor !== undefined && !GENERATED.test(target.anchor) ? target.anchor : undefined;
    this.#used.set(target, own ?? `id${String(++this.#generated).padStart(3, "0")}`);
  }

  #node(node: YamlNode, place: Place): void {
    switch (node.kind) {
      case "alias":
        return this.#alias(node, place);
      case "scalar":
        return this.#scalar(node, place);
      case "sequence":
        this.#properties(node);
        return this.#sequence(node, place);
      case "mapping":
        this.#properties(node);
        return this.#mapping(node);
    }
  }

  #alias(node: AliasNode, place: Place): void {
    this.#out.indicator(`*${this.#used.get(node.target) ?? node.name}`, true);
    this.#out.noNewline = false;
    if (place === "key") this.#out.put(" ");
  }

  #properties(node: YamlNode): boolean {
    const out = this.#out;
    let written = false;
    const anchor = this.#used.get(node) ?? (node.kind === "scalar" ? node.anchor : undefined);
    if (anchor !== undefined) {
      out.indicator(`&${anchor}`, true);
      out.noNewline = false;
      written = true;
    }
    if (node.tag !== undefined) out.indicator(shortTag(node.tag), true);
    return written;
  }

  // --- scalars ---

  #scalar(node: ScalarNode, place: Place): void {
    const out = this.#out;
    const anchored = this.#properties(node);
    out.pushIndent(true, false);
    if (place === "item" && this.#flow.length === 0 && !anchored) out.writeIndent();
    const split = place !== "key";
    const root = place === "root";
    const { style, text } = this.#choose(node, place);
    if (style === "") out.plain(text, { split, root, whole: place === "key" && this.#flow.length === 0 });
    else if (style === "'") out.singleQuoted(text, split);
    else if (style === '"') out.doubleQuoted(text, split);
    else if (style === "|") out.literal(text, node.header ?? "", root);
    else out.folded(text, node.header ?? "");
    const post = node.comments?.post;
    if (post !== undefined) {
      const dedented =
        style === "|" || style === ">" ? { ...post, column: Math.min(post.column, (out.indent ?? 1) - 1) } : post;
      out.postComment(dedented);
    }
    out.popIndent();
  }

  #choose(node: ScalarNode, place: Place): { style: ScalarNode["style"]; text: string } {
    const text = node.value;
    const inFlow = this.#flow.length > 0;
    if (node.style === "|" || node.style === ">") {
      const whole = text.replaceAll("\x07", "");
      if (inFlow || place === "key") return this.#chooseText(whole, place);
      // ruamel folds behind a line that begins with a tab; what is read then has a line more.
      return node.style === ">" && /^\t/m.test(whole) ? { style: "|", text: whole } : { style: node.style, text };
    }
    if (node.style === "") {
      if (text !== "") return { style: "", text };
      // Tagged as text: `null` would be the word.
      if (node.tag === "!" || node.tag === "tag:yaml.org,2002:str") return { style: "'", text };
      return inFlow || place === "key" || place === "root" ? { style: "", text: "null" } : { style: "", text };
    }
    return this.#chooseText(text, place);
  }

  #chooseText(text: string, place: Place): { style: ScalarNode["style"]; text: string } {
    const analysis = analyzeScalar(text);
    const isKey = place === "key";
    const plain = this.#flow.length > 0 ? analysis.flowPlain : analysis.blockPlain;
    if (plain && readsAsText(text) && !(isKey && (analysis.empty || analysis.multiline))) return { style: "", text };
    if (text.includes("'") || text.includes("\n")) return { style: '"', text };
    return { style: analysis.singleQuoted && !(isKey && analysis.multiline) ? "'" : '"', text };
  }

  // --- sequences ---

  #sequence(node: SequenceNode, place: Place): void {
    const out = this.#out;
    const styled = isFlowStyle(node);
    const isFlow = this.#flow.length > 0 || styled || node.items.length === 0;
    const before = out.indention;
    let forced = false;
    if (node.comments !== undefined) {
      if (!styled && node.comments.post !== undefined) {
        out.postComment(node.comments.post);
        out.indention = false;
        out.noNewline = true;
      }
      const { column } = out;
      if (this.#pre(node.comments, true)) {
        if (styled) forced = out.indents.length > 0 && out.indents.at(-1)?.sequence === false;
        out.indention = before;
        out.noNewline = !out.indention;
      }
      if (styled) out.column = column;
    }
    if (isFlow) this.#flowSequence(node, forced);
    else this.#blockSequence(node, place);
  }

  #blockSequence(node: SequenceNode, place: Place): void {
    const out = this.#out;
    out.pushIndent(false, true, (place === "value" || place === "key") && !out.indention);
    this.#afterSequenceStart();
    for (const item of node.items) {
      this.#pre(item.comments, item.kind !== "scalar");
      const noLine = out.column === 0 && out.noNewline;
      out.writeIndent();
      out.indicator("-", true, false, true);
      if (noLine) out.noNewline = true;
      this.#node(item, "item");
    }
    if (node.end !== undefined) out.preComments(node.end);
    out.popIndent();
    out.noNewline = false;
  }

  #flowSequence(node: SequenceNode, forced: boolean): void {
    const out = this.#out;
    if (forced) out.pushIndent(true, true);
    out.indicator(" ".repeat(this.#flowAlign(forced)) + "[", true, true);
    if (!forced) out.pushIndent(true, true);
    this.#flow.push("[");
    this.#afterSequenceStart();
    for (const [index, item] of node.items.entries()) {
      if (index > 0) out.indicator(",", false);
      if (out.isWide()) out.writeIndent();
      this.#node(item, "item");
    }
    this.#flowEnd("]", node, node.items.length === 0);
  }

  /** A list in a list starts on the line of the dash. */
  #afterSequenceStart(): void {
    const { indents } = this.#out;
    if (indents.at(-1)?.sequence !== true || indents.at(-2)?.sequence !== true) return;
    this.#out.indention = true;
    this.#out.noNewline = false;
  }

  #flowEnd(close: string, node: SequenceNode | MappingNode, empty: boolean): void {
    const out = this.#out;
    out.popIndent();
    const opened = this.#flow.pop();
    if (opened !== "") out.indicator(close, false);
    const post = isFlowStyle(node) ? node.comments?.post : undefined;
    if (post !== undefined) out.postComment(post);
    else if (!empty) out.noNewline = false;
    else if (this.#flow.length === 0) out.lineBreak();
  }

  #flowAlign(forced: boolean): number {
    const { indents, column } = this.#out;
    const last = indents.at(-1);
    if (indents.length < 2 || last?.sequence !== true) {
      if (indents.length === 0 || !forced) return 0;
    }
    const base = last?.indent ?? 0;
    return Math.max(0, forced ? base + 2 : base + 2 - column - 1);
  }

  // --- mappings ---

  #mapping(node: MappingNode): void {
    const out = this.#out;
    const styled = isFlowStyle(node);
    let forced = false;
    if (node.comments !== undefined) {
      if (!styled && node.comments.post !== undefined) out.postComment(node.comments.post);
      if (this.#pre(node.comments, true) && styled) forced = out.indents.at(-1)?.sequence === false;
    }
    if (this.#flow.length > 0 || styled || node.pairs.length === 0) this.#flowMapping(node, forced);
    else this.#blockMapping(node);
  }

  #blockMapping(node: MappingNode): void {
    const out = this.#out;
    out.pushIndent(false, false);
    for (const { key, value } of node.pairs) {
      this.#pre(key.comments, false);
      out.writeIndent();
      if (isSimpleKey(key)) {
        this.#node(key, "key");
        out.indicator(":", false);
      } else {
        out.indicator("?", true, false, true);
        this.#node(key, "value");
        out.writeIndent();
        out.indicator(":", true, false, true);
      }
      this.#node(value, "value");
    }
    if (node.end !== undefined) out.preComments(node.end);
    out.popIndent();
  }

  #flowMapping(node: MappingNode, forced: boolean): void {
    const out = this.#out;
    if (forced) out.pushIndent(true, false);
    const single = node.pairs.length === 1 && this.#flow.at(-1) === "[";
    const open = single ? "" : "{";
    out.indicator(" ".repeat(this.#flowAlign(forced)) + open, true, true);
    this.#flow.push(open);
    if (!forced) out.pushIndent(true, false);
    for (const [index, { key, value }] of node.pairs.entries()) {
      if (index > 0) out.indicator(",", false);
      if (out.isWide()) out.writeIndent();
      if (isSimpleKey(key)) {
        this.#node(key, "key");
        out.indicator(":", false);
      } else {
        out.indicator("?", true);
        this.#node(key, "value");
        if (out.isWide()) out.writeIndent();
        out.indicator(":", true);
      }
      this.#node(value, "value");
    }
    this.#flowEnd("}", node, node.pairs.length === 0);
  }

  #pre(comments: NodeComments | undefined, once: boolean): boolean {
    if (comments?.pre === undefined) return false;
    if (once) {
      if (this.#preDone.has(comments)) return true;
      this.#preDone.add(comments);
    }
    this.#out.preComments(comments.pre);
    return true;
  }
}

function isFlowStyle(node: SequenceNode | MappingNode): boolean {
  return node.flow ?? (node.kind === "sequence" ? node.items.length : node.pairs.length) === 0;
}

function shortTag(tag: string): string {
  if (tag.startsWith("tag:yaml.org,2002:")) return `!!${tag.slice(18)}`;
  return tag.startsWith("!") ? tag : `!<${tag}>`;
}

function isSimpleKey(key: YamlNode): boolean {
  if (key.kind === "alias") return true;
  if (key.kind !== "scalar")
    return key.flow === true || (key.kind === "sequence" ? key.items.length === 0 : key.pairs.length === 0);
  const length =
    Array.from(key.value).length + (key.anchor?.length ?? 0) + (key.tag === undefined ? 0 : shortTag(key.tag).length);
  return length < MAX_SIMPLE_KEY && (key.style === "" || !analyzeScalar(key.value).multiline);
}

/** Makes a node of a text as it will be written again: quotes are chosen anew, booleans and null in one spelling. */
export function normalizeScalar(node: ScalarNode): void {
  // Only folds between two words are kept.
  if (node.style === ">") node.value = node.value.replace(/(^|.)\x07(?=( ?)(.?))/gs, keepFold);
  if (node.tag !== undefined || node.style === "|" || node.style === ">") return;
  if (node.style !== "") {
    node.style = "'";
    return;
  }
  switch (plainKind(node.value)) {
    case "str":
      node.style = "'";
      break;
    case "null":
      node.value = "";
      break;
    case "bool":
      node.value = node.value.toLowerCase();
      break;
    case "int":
      node.value = node.value.replace(/^\+/, "");
      break;
    default:
      break;
  }
}

function keepFold(_match: string, before: string, space: string, after: string): string {
  const between = space === " " && before !== "" && !/\s/.test(before) && !/\s/.test(after);
  return between ? `${before}\x07` : before;
}
