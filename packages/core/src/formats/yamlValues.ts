import { isRecord, MAX_DIGITS, PyDate, pyFloat, pyStr, setKey } from "./pyValues.ts";
import { YamlProblem } from "./yamlScanner.ts";
import type { MappingNode, ScalarNode, YamlNode } from "./yamlNodes.ts";

const INT = /^(?:[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+)$/;
const FLOAT =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const TIMESTAMP =
  /^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$/;

/** What a plain scalar stands for in YAML 1.2 as ruamel.yaml resolves it. */
export type PlainKind = "null" | "bool" | "int" | "float" | "timestamp" | "merge" | "value" | "str";

/** Resolves a plain scalar. */
export function plainKind(text: string): PlainKind {
  const first = text.charCodeAt(0);
  // Letters that start no special word are by far the most common.
  if (first > 64 && !"tTfFnN~".includes(text.charAt(0))) return "str";
  switch (text) {
    case "":
    case "~":
    case "null":
    case "Null":
    case "NULL":
      return "null";
    case "true":
    case "True":
    case "TRUE":
    case "false":
    case "False":
    case "FALSE":
      return "bool";
    case "<<":
      return "merge";
    case "=":
      return "value";
    default:
      break;
  }
  if (!((first >= 48 && first <= 57) || first === 43 || first === 45 || first === 46)) return "str";
  if (FLOAT.test(text)) return "float";
  if (first !== 46 && INT.test(text)) return "int";
  return first >= 48 && first <= 57 && TIMESTAMP.test(text) ? "timestamp" : "str";
}

/** The value of a plain scalar. */
export function plainValue(text: string): unknown {
  switch (plainKind(text)) {
    case "null":
      return null;
    case "bool":
      return text.charAt(0).toLowerCase() === "t";
    case "int":
      return parseInteger(text);
    case "float":
      return parseFloatText(text);
    case "timestamp":
      return parseTimestamp(text);
    default:
      return text;
  }
}

function parseInteger(text: string): number | bigint | string {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const match = /^([-+]?)(.*)$/.exec(text.replaceAll("_", ""));
  const digits = match?.[2] ?? "";
  if (digits === "") return text;
  if (digits.length > MAX_DIGITS)
    throw new YamlProblem(undefined, undefined, "a number has too many digits", { index: 0, line: 0, column: 0 });
  let value: bigint;
  try {
    value = /^0[box]/.test(digits) ? BigInt(digits) : BigInt(digits.replace(/^0+(?=\d)/, ""));
  } catch {
    return text;
  }
  if (match?.[1] === "-") value = -value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function parseFloatText(text: string): unknown {
  const plain = text.replaceAll("_", "").toLowerCase();
  if (plain.endsWith(".inf")) return plain.startsWith("-") ? -Infinity : Infinity;
  return plain === ".nan" ? Number.NaN : pyFloat(Number(plain));
}

function parseTimestamp(text: string): unknown {
  const match =
    /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt]|[ \t]+)(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d{1,2})(?::(\d{2}))?))?)?$/.exec(
      text,
    );
  if (match === null) return text;
  const number = (at: number): number => Number(match[at] ?? 0);
  const two = (value: number): string => String(value).padStart(2, "0");
  if (match[4] === undefined) return new PyDate(`${match[1] ?? ""}-${two(number(2))}-${two(number(3))}`);
  const offset = (match[9] === "-" ? -1 : 1) * (number(10) * 60 + number(11));
  const at = new Date(Date.UTC(number(1), number(2) - 1, number(3), number(4), number(5) - offset, number(6)));
  const micros = (match[7] ?? "").slice(0, 6).padEnd(6, "0");
  const day = `${String(at.getUTCFullYear()).padStart(4, "0")}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  const zone = match[8] === undefined ? "" : "+00:00";
  return new PyDate(`${day} ${time}${micros === "000000" ? "" : `.${micros}`}${zone}`);
}

/** How many values aliases may add to a document in all. */
const ALIAS_LIMIT = 100_000;

/** Turns nodes into plain values. One instance a document, because it counts what aliases add. */
export class ValueBuilder {
  #added = 0;
  readonly #sizes = new Map<YamlNode, number>();
  readonly #built = new Map<YamlNode, unknown>();

  /** @throws {YamlProblem} for duplicate keys, unknown tags, and aliases that multiply beyond the limit. */
  build(node: YamlNode): unknown {
    switch (node.kind) {
      case "scalar":
        return this.#remember(node, scalarValue(node));
      case "sequence":
        checkTag(node, "tag:yaml.org,2002:seq");
        return this.#remember(
          node,
          node.items.map((one) => this.build(one)),
        );
      case "mapping":
        checkTag(node, "tag:yaml.org,2002:map");
        return this.#remember(node, this.#mapping(node));
      case "alias":
        return this.#alias(node.target, node);
    }
  }

  #remember<T>(node: YamlNode, value: T): T {
    if (node.anchor !== undefined) this.#built.set(node, value);
    return value;
  }

  #alias(target: YamlNode, at: YamlNode): unknown {
    this.#added += this.#sizeOf(target);
    if (this.#added > ALIAS_LIMIT || !this.#built.has(target)) {
      throw new YamlProblem(undefined, undefined, "aliases expand to too many values", at.start);
    }
    return this.#built.get(target);
  }

  #sizeOf(node: YamlNode): number {
    const known = this.#sizes.get(node);
    if (known !== undefined) return known;
    let size = 1;
    // What holds itself has no end.
    this.#sizes.set(node, ALIAS_LIMIT * 2);
    if (node.kind === "alias") size = this.#sizeOf(node.target);
    else if (node.kind === "sequence") for (const one of node.items) size += this.#sizeOf(one);
    else if (node.kind === "mapping") {
      for (const pair of node.pairs) size += this.#sizeOf(pair.key) + this.#sizeOf(pair.value);
    }
    this.#sizes.set(node, Math.min(size, ALIAS_LIMIT * 2));
    return size;
  }

  #mapping(node: MappingNode): Record<string, unknown> {
    const own: Record<string, unknown> = {};
    let merged: Record<string, unknown> | undefined;
    for (const { key, value } of node.pairs) {
      if (isMergeKey(key)) {
        const sources = this.#mergeSources(value);
        if (merged === undefined) merged = sources;
        else for (const [name, one] of Object.entries(sources)) setKey(merged, name, one);
        continue;
      }
      const name = this.#keyName(key, node);
      const built = this.build(value);
      if (Object.hasOwn(own, name)) {
        throw new YamlProblem(
          "while constructing a mapping",
          node.start,
          `found duplicate key "${name}" with value "${pyStr(built)}" (original value: "${pyStr(own[name])}")`,
          key.start,
        );
      }
      setKey(own, name, built);
    }
    return merged === undefined ? own : { ...merged, ...own };
  }

  #keyName(key: YamlNode, mapping: MappingNode): string {
    const built = this.build(key);
    if (typeof built === "string") return built;
    if (Array.isArray(built) || isRecord(built)) {
      throw new YamlProblem("while constructing a mapping", mapping.start, "found unhashable key", key.start);
    }
    return pyStr(built);
  }

  #mergeSources(node: YamlNode): Record<string, unknown> {
    const target = node.kind === "alias" ? node.target : node;
    const built = this.build(node);
    const sources = Array.isArray(built) ? (built as unknown[]) : [built];
    const merged: Record<string, unknown> = {};
    for (const source of sources) {
      if (!isRecord(source)) {
        throw new YamlProblem(
          "while constructing a mapping",
          node.start,
          `expected a mapping or list of mappings for merging, but found ${target.kind}`,
          node.start,
        );
      }
      // The first of several sources wins.
      for (const [name, one] of Object.entries(source)) if (!Object.hasOwn(merged, name)) setKey(merged, name, one);
    }
    return merged;
  }
}

function checkTag(node: YamlNode, known: string): void {
  if (node.tag !== undefined && node.tag !== "!" && node.tag !== known) throw unknownTag(node);
}

function unknownTag(node: YamlNode): YamlProblem {
  const problem = `could not determine a constructor for the tag '${node.tag ?? ""}'`;
  return new YamlProblem(undefined, undefined, problem, node.start);
}

function isMergeKey(key: YamlNode): boolean {
  return key.kind === "scalar" && key.style === "" && key.tag === undefined && key.value === "<<";
}

/** The value of a scalar node. Strings of folded blocks lose the fold marks. */
export function scalarValue(node: ScalarNode): unknown {
  switch (node.tag) {
    case undefined:
      return node.style === ""
        ? plainValue(node.value)
        : node.style === ">"
          ? node.value.replaceAll("\x07", "")
          : node.value;
    case "!":
    case "tag:yaml.org,2002:str":
      return node.value;
    case "tag:yaml.org,2002:null":
      return null;
    case "tag:yaml.org,2002:bool":
      return /^(?:true|yes|on)$/i.test(node.value);
    case "tag:yaml.org,2002:int":
      return parseInteger(node.value);
    case "tag:yaml.org,2002:float":
      return parseFloatText(node.value);
    case "tag:yaml.org,2002:timestamp":
      return parseTimestamp(node.value);
    default:
      throw unknownTag(node);
  }
}
