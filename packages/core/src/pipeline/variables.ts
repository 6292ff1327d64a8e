import { join, normalize, relative, resolve } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { isRecord, pyStr } from "../formats/pyValues.ts";
import { toCommandOptions } from "./commandOptions.ts";
import type { ContextNode } from "./contextNode.ts";
import {
  cloneMap,
  isNode,
  ListNode,
  MapNode,
  mergeInto,
  NOWHERE,
  plainOf,
  selectNode,
  toMapNode,
  toNode,
  ValueNode,
} from "./contextNode.ts";
import { findExpressions, mapTexts, parseExpression } from "./expression.ts";
import { readParamsFile } from "./paramsFile.ts";
import { joinWords, pythonTypeName } from "./pythonText.ts";
import type { FileSource, LoadContext } from "./source.ts";
import { TemplateProblem } from "./templateProblem.ts";

/** Values used from files: file -> dotted key -> value. */
export type UsedVars = Map<string, Map<string, unknown>>;

/** Longest text that templates may make of one: no command line may be so long. */
const MAX_TEXT = 1024 * 1024;

/** The same of all the texts of one field: a list of commands may name one long value many times. */
const MAX_FIELD = 8 * MAX_TEXT;

/** How texts are resolved. */
export interface ResolveOptions {
  /** Field of the stage: `cmd` may take mappings; undefined: anything may be taken whole. */
  readonly field?: string;
  /** The syntax was checked before. */
  readonly isChecked?: boolean;
}

/** The values that templates can name: params.yaml, `vars`, and `item` and `key` of generated stages. */
export class Variables {
  readonly #source: FileSource;
  readonly #context: LoadContext;
  #root: MapNode = new MapNode(new Map(), NOWHERE);
  /** Files loaded: undefined when whole, else the keys. */
  readonly #imports = new Map<string, string[] | undefined>();
  readonly #reserved = new Set<string>();
  #used: UsedVars | undefined;

  constructor(source: FileSource, context: LoadContext) {
    this.#source = source;
    this.#context = context;
  }

  /** A copy that further `vars` can be merged into. */
  clone(): Variables {
    const copy = new Variables(this.#source, this.#context);
    copy.#root = cloneMap(this.#root);
    for (const [path, keys] of this.#imports) copy.#imports.set(path, keys === undefined ? undefined : [...keys]);
    for (const key of this.#reserved) copy.#reserved.add(key);
    return copy;
  }

  has(key: string): boolean {
    return this.#root.entries.has(key);
  }

  /** All values as plain data. */
  plain(): unknown {
    return plainOf(this.#root);
  }

  /** Loads `params.yaml` of a folder if it is there. */
  loadDefault(folder: OsPath): void {
    if (this.#source.exists(join(folder, "params.yaml"))) this.#loadFile("params.yaml", folder);
  }

  /** Merges a list of `vars`; files are relative to `folder`. `stage` names the stage they belong to. */
  load(vars: readonly unknown[], folder: OsPath, stage?: string): void {
    for (const [index, item] of vars.entries()) {
      if (typeof item === "string") this.#loadFile(item, folder);
      else if (isRecord(item)) {
        const source = `${stage === undefined ? "" : `${stage}.`}vars[${String(index)}]`;
        this.#merge(toMapNode(Object.entries(item), { source, path: "", isLocal: true }));
      }
    }
  }

  #loadFile(item: string, folder: OsPath): void {
    const colon = item.indexOf(":");
    const written = colon < 0 ? item : item.slice(0, colon);
    const path = resolve(folder, written);
    const shown = normalize(relative(this.#context.cwd ?? this.#context.root, path));
    const list =
      colon < 0
        ? []
        : item
            .slice(colon + 1)
            .split(",")
            .filter(Boolean);
    const keys = list.length > 0 ? list : undefined;
    if (this.#imports.has(shown)) {
      const loaded = this.#imports.get(shown);
      if (keys === undefined && loaded === undefined) return;
      checkNotLoaded(item, keys, loaded);
    }
    this.#merge(this.#readVars(path, shown, keys), item);
    const before = this.#imports.get(shown);
    if (before !== undefined && keys !== undefined) before.push(...keys);
    else this.#imports.set(shown, keys === undefined ? undefined : [...keys]);
  }

  #readVars(path: OsPath, shown: string, keys: readonly string[] | undefined): MapNode {
    if (!this.#source.exists(path)) throw new TemplateProblem("params", `'${shown}' does not exist`);
    if (!this.#source.isFile(path)) throw new TemplateProblem("params", `'${shown}' is a directory`);
    const data = readParamsFile(path, this.#source, shown) ?? {};
    if (!isRecord(data)) {
      throw new TemplateProblem("params", `expected a dictionary, got '${pythonTypeName(data)}' in file '${shown}'`);
    }
    const missing = keys?.find((key) => !Object.hasOwn(data, key));
    if (missing !== undefined) throw new TemplateProblem("params", `could not find '${missing}' in '${shown}'`);
    const entries = keys === undefined ? Object.entries(data) : keys.map((key) => [key, data[key]] as const);
    return toMapNode(entries, { source: shown, path: "", isLocal: false });
  }

  #merge(update: MapNode, item?: string): void {
    const taken = [...this.#reserved].filter((key) => update.entries.has(key));
    if (taken.length > 0) {
      const where = item === undefined ? "" : ` in '${item}'`;
      const noun = taken.length > 1 ? "keys" : "key";
      throw new TemplateProblem("reserved", `attempted to modify reserved ${noun} ${joinWords(taken)}${where}`);
    }
    mergeInto(this.#root, update);
  }

  /** Runs `work` with `item` (and `key`) in place; they cannot be redefined meanwhile. */
  withItem<T>(values: Readonly<Record<string, unknown>>, work: () => T): T {
    const saved = new Map<string, ContextNode | undefined>();
    const newlyReserved: string[] = [];
    for (const [key, value] of Object.entries(values)) {
      saved.set(key, this.#root.entries.get(key));
      this.#root.entries.set(key, toNode(value, { ...NOWHERE, path: key }));
      if (!this.#reserved.has(key)) newlyReserved.push(key);
      this.#reserved.add(key);
    }
    try {
      return work();
    } finally {
      for (const key of newlyReserved) this.#reserved.delete(key);
      for (const [key, node] of saved) {
        if (node === undefined) this.#root.entries.delete(key);
        else this.#root.entries.set(key, node);
      }
    }
  }

  /** Runs `work` and tells which values of files it used. */
  track<T>(work: () => T): { result: T; used: UsedVars } {
    const used: UsedVars = new Map();
    this.#used = used;
    try {
      return { result: work(), used };
    } finally {
      this.#used = undefined;
    }
  }

  /** Resolves all templates within a value. @throws {TemplateProblem} */
  resolve(value: unknown, options: ResolveOptions = {}): unknown {
    let made = 0;
    return mapTexts(value, (text) => {
      const found = this.resolveText(text, options);
      const plain = isNode(found) ? plainOf(found) : found;
      if (typeof plain === "string" && plain !== text) made += plain.length;
      if (made > MAX_FIELD) throw new TemplateProblem("key", "The text that templates make is too long");
      return plain;
    });
  }

  /** Like `resolve`, but a text that is one template stays a node, so that its kind is known. */
  resolveNodes(value: unknown): unknown {
    return mapTexts(value, (text) => this.resolveText(text, {}));
  }

  /** Resolves one text: a node when the text is exactly one template, else a text. @throws {TemplateProblem} */
  resolveText(text: string, options: ResolveOptions): ContextNode | string {
    const expressions = findExpressions(text);
    const only = expressions[0];
    if (expressions.length === 1 && only?.start === 0 && only.end === text.length) {
      const node = this.#select(only.inner, options);
      this.#checkTakeable(node, options);
      return node;
    }
    let result = "";
    let at = 0;
    for (const one of expressions) {
      const node = this.#select(one.inner, options);
      this.#checkTakeable(node, options);
      result += text.slice(at, one.start) + this.#nodeText(node);
      at = one.end;
      if (result.length > MAX_TEXT) throw new TemplateProblem("key", "The text that templates make is too long");
    }
    return (result + text.slice(at)).replaceAll("\\${", "${");
  }

  #select(inner: string, options: ResolveOptions): ContextNode {
    const expression = options.isChecked === true ? inner : parseExpression(inner);
    const node = selectNode(this.#root, expression);
    if (node === undefined) throw new TemplateProblem("key", `Could not find '${expression}'`);
    this.#recordUse(node);
    return node;
  }

  #recordUse(node: ContextNode): void {
    const { source, path, isLocal } = node.origin;
    if (this.#used === undefined || isLocal || source === undefined || node instanceof MapNode) return;
    let keys = this.#used.get(source);
    if (keys === undefined) this.#used.set(source, (keys = new Map<string, unknown>()));
    keys.set(path, plainOf(node));
  }

  #checkTakeable(node: ContextNode, options: ResolveOptions): void {
    if (node instanceof ValueNode || options.field === undefined || options.field.includes("foreach")) return;
    if (node instanceof MapNode && options.field === "cmd") return;
    throw new TemplateProblem(
      "syntax",
      `Cannot interpolate data of type '${node instanceof ListNode ? "list" : "dict"}'`,
    );
  }

  #nodeText(node: ContextNode): string {
    const value = plainOf(node);
    if (isRecord(value)) return toCommandOptions(value, this.#context.parsing ?? {});
    return templateText(value);
  }
}

/** Text of a value inside a text: as Python prints it, but `true` and `false`. */
export function templateText(value: unknown): string {
  return typeof value === "boolean" ? String(value) : pyStr(value);
}

function checkNotLoaded(
  item: string,
  keys: readonly string[] | undefined,
  loaded: readonly string[] | undefined,
): void {
  if (keys === undefined) throw new TemplateProblem("loaded", `cannot load '${item}' as it's partially loaded already`);
  if (loaded === undefined) {
    throw new TemplateProblem("loaded", `cannot partially load '${item}' as it's already loaded.`);
  }
  if (keys.some((key) => loaded.includes(key))) {
    throw new TemplateProblem("loaded", `cannot load '${item}' as it's partially loaded already`);
  }
}
