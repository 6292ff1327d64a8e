import { dirname, join, relative, resolve } from "node:path";
import { FormatError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { isRecord } from "../formats/pyValues.ts";
import type { ContextNode } from "./contextNode.ts";
import { isNode, ListNode, MapNode, plainOf } from "./contextNode.ts";
import { checkExpressions, holdsTemplate, isChangedByResolving } from "./expression.ts";
import { joinWords, pythonTypeName } from "./pythonText.ts";
import type { Entry } from "./record.ts";
import type { FileSource, LoadContext } from "./source.ts";
import type { ProblemKind } from "./templateProblem.ts";
import { startsOnOwnLine, TemplateProblem } from "./templateProblem.ts";
import type { UsedVars } from "./variables.ts";
import { templateText, Variables } from "./variables.ts";

/** A stage with its templates resolved. */
export interface ResolvedStage {
  readonly name: string;
  readonly data: Entry;
  /** The foreach or matrix it comes from. */
  readonly generatedFrom: string | undefined;
  readonly isParametrized: boolean;
  readonly used: UsedVars;
}

/** Name and values of one generated stage. */
interface Member {
  readonly values: Readonly<Record<string, unknown>>;
}

interface Group {
  readonly template: Entry;
  readonly members: ReadonlyMap<string, Member>;
}

/** So many stages all foreach and matrix of a file may make. */
const MAX_MEMBERS = 20_000;

/** What a foreach or matrix goes over, templates resolved. */
type IterationData = ContextNode | Readonly<Record<string, unknown>> | readonly unknown[] | string;

/** Sections of dvc.yaml that are lists of templates. */
export type TopSection = "datasets" | "metrics" | "params" | "plots";

/** Resolves the templates of one dvc.yaml. The file's own variables are read at once, stages when asked for. */
export class ProjectResolver {
  readonly #data: Entry;
  readonly #folder: OsPath;
  readonly #context: LoadContext;
  readonly #variables: Variables;
  readonly #stages: ReadonlyMap<string, Entry>;
  readonly #groups = new Map<string, Group>();
  #members = 0;
  /** The file as messages name it. */
  readonly #shown: string;

  /** `data` is the parsed file, before templating. @throws {FormatError} for bad `vars`. */
  constructor(file: OsPath, data: Entry, source: FileSource, context: LoadContext) {
    this.#data = data;
    this.#folder = dirname(file);
    this.#context = context;
    this.#shown = relative(context.cwd ?? context.root, file);
    this.#stages = new Map(isRecord(data["stages"]) ? (Object.entries(data["stages"]) as [string, Entry][]) : []);
    const vars = Array.isArray(data["vars"]) ? (data["vars"] as unknown[]) : [];
    this.#refuseTemplates(vars, "vars");
    this.#variables = new Variables(source, context);
    this.#at("'vars'", () => {
      this.#variables.loadDefault(this.#folder);
      this.#variables.load(vars, this.#folder);
    });
  }

  /** Names of all stages in the order of the file, generated ones included. @throws {FormatError} */
  names(): string[] {
    const names: string[] = [];
    for (const [name, definition] of this.#stages) {
      if (!isGroup(definition)) names.push(name);
      else for (const key of this.#group(name, definition).members.keys()) names.push(`${name}@${key}`);
    }
    return names;
  }

  /** Whether `name` is a foreach or matrix. */
  isGroup(name: string): boolean {
    const definition = this.#stages.get(name);
    return definition !== undefined && isGroup(definition);
  }

  /** Resolves one stage; undefined when there is none of that name, as of a plain stage with an "@" in it. @throws {FormatError} */
  stage(name: string): ResolvedStage | undefined {
    const at = name.lastIndexOf("@");
    const group = at < 0 ? name : name.slice(0, at);
    const plain = this.#stages.get(group);
    if (plain === undefined) return undefined;
    if (isGroup(plain)) return at < 0 ? undefined : this.#generated(group, name.slice(at + 1));
    if (at >= 0) return undefined;
    const { data, used } = this.#resolveStage(name, plain, false);
    return {
      name,
      data,
      generatedFrom: undefined,
      isParametrized: isChangedByResolving(plain) || "vars" in plain,
      used,
    };
  }

  #generated(group: string, key: string): ResolvedStage | undefined {
    const definition = this.#stages.get(group);
    if (definition === undefined) return undefined;
    const { template, members } = this.#group(group, definition);
    const member = members.get(key);
    if (member === undefined) return undefined;
    const name = `${group}@${key}`;
    return this.#variables.withItem(member.values, () => {
      const { data, used } = this.#resolveStage(name, template, true);
      return { name, data, generatedFrom: group, isParametrized: true, used };
    });
  }

  #resolveStage(name: string, definition: Entry, isChecked: boolean): { data: Entry; used: UsedVars } {
    if (!isChecked) this.#checkSyntax(name, definition);
    return this.#at(`stage '${name}'`, () => {
      const wdir = this.#resolveWdir(name, definition["wdir"]);
      const variables = this.#stageVariables(name, definition["vars"], wdir);
      const { result, used } = variables.track(() => {
        const data: Record<string, unknown> = {};
        for (const [field, value] of Object.entries(definition)) {
          if (field === "vars") continue;
          data[field] = this.#at(`'stages.${name}.${field}'`, () => variables.resolve(value, { field, isChecked }), [
            "syntax",
            "key",
          ]);
        }
        return data;
      });
      return { data: result, used };
    });
  }

  #checkSyntax(name: string, definition: Entry): void {
    for (const [field, value] of Object.entries(definition)) {
      this.#at(`'stages.${name}.${field}'`, () => {
        checkExpressions(value);
      });
    }
  }

  #resolveWdir(name: string, wdir: unknown): OsPath {
    if (typeof wdir !== "string" || wdir === "") return this.#folder;
    const node = this.#at(`'stages.${name}.wdir'`, () => this.#variables.resolveText(wdir, {}));
    return resolve(this.#folder, templateText(isNode(node) ? plainOf(node) : node));
  }

  #stageVariables(name: string, vars: unknown, wdir: OsPath): Variables {
    if (!Array.isArray(vars) || vars.length === 0) return this.#variables;
    this.#refuseTemplates(vars, `stages.${name}.vars`);
    const variables = this.#variables.clone();
    this.#at(
      `'stages.${name}.vars'`,
      () => {
        variables.load(vars, wdir, name);
      },
      ["loaded"],
    );
    return variables;
  }

  #group(name: string, definition: Entry): Group {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = "matrix" in definition ? this.#matrix(name, definition) : this.#foreach(name, definition);
      this.#groups.set(name, group);
    }
    return group;
  }

  #foreach(name: string, definition: Entry): Group {
    const found = this.#at(`'stages.${name}.foreach'`, () => this.#iterable(definition["foreach"]));
    const isMap = found instanceof MapNode || (isRecord(found) && !isNode(found));
    if (!isMap && !(found instanceof ListNode) && !Array.isArray(found)) {
      const plain = isNode(found) ? plainOf(found) : found;
      throw new FormatError(
        `failed to resolve 'stages.${name}.foreach' in '${this.#shown}': expected list/dictionary, got ${pythonTypeName(plain)}`,
        { file: this.#shown },
      );
    }
    this.#warnIfOverwriting(name, isMap ? ["item", "key"] : ["item"]);
    const members = new Map<string, Member>();
    if (isMap) {
      const entries = found instanceof MapNode ? found.entries : Object.entries(found);
      for (const [written, item] of entries) {
        const key = keyName(written);
        members.set(key, { values: { item, key } });
      }
      this.#checkCount(name, members.size);
    } else {
      const items: readonly unknown[] = found instanceof ListNode ? found.items : found;
      this.#checkCount(name, items.length);
      const byIndex = items.some(isCollection);
      for (const [index, item] of items.entries()) {
        members.set(byIndex ? String(index) : nameText(item), { values: { item } });
      }
    }
    const template = isRecord(definition["do"]) ? definition["do"] : {};
    this.#checkSyntax(name, template);
    return { template, members };
  }

  #matrix(name: string, definition: Entry): Group {
    const found = this.#at(`'stages.${name}.matrix'`, () => this.#iterable(definition["matrix"]));
    const axes: { key: string; items: readonly unknown[] }[] = [];
    for (const [key, list] of Object.entries(isRecord(found) && !isNode(found) ? found : {})) {
      const plain = isNode(list) && !(list instanceof ListNode) ? plainOf(list) : list;
      // Of a text each letter counts as an item, as in DVC.
      const items = list instanceof ListNode ? list.items : typeof plain === "string" ? Array.from(plain) : list;
      if (!Array.isArray(items)) {
        throw new FormatError(
          `failed to resolve 'stages.${name}.matrix.${key}' in '${this.#shown}': expected list, got ${pythonTypeName(plain)}`,
          { file: this.#shown },
        );
      }
      axes.push({ key, items });
    }
    this.#checkCount(
      name,
      axes.reduce((product, { items }) => product * items.length, 1),
    );
    this.#warnIfOverwriting(name, ["key", "item"]);
    const { matrix: _, ...template } = definition;
    this.#checkSyntax(name, template);
    const members = new Map<string, Member>();
    for (const { key, item } of combinations(axes)) members.set(key, { values: { key, item } });
    return { template, members };
  }

  #checkCount(name: string, count: number): void {
    this.#members += count;
    if (this.#members <= MAX_MEMBERS) return;
    throw new FormatError(
      `failed to resolve 'stages.${name}' in '${this.#shown}': more than ${String(MAX_MEMBERS)} stages`,
      { file: this.#shown },
    );
  }

  #iterable(data: unknown): IterationData {
    return this.#variables.resolveNodes(data) as IterationData;
  }

  #warnIfOverwriting(name: string, keys: readonly string[]): void {
    const taken = keys.filter((key) => this.#variables.has(key));
    if (taken.length === 0) return;
    const verb = taken.length === 1 ? "is" : "are";
    this.#context.warn?.(
      `${joinWords(taken)} ${verb} already specified, will be overwritten for stages generated from '${name}'`,
    );
  }

  /** Resolves a list of the top level. @throws {FormatError} */
  section(section: TopSection): unknown[] {
    const list = this.#data[section];
    if (!Array.isArray(list)) return [];
    return list.map((one: unknown, index) =>
      this.#at(`'${section}.${String(index)}'`, () => {
        checkExpressions(one);
        return this.#variables.resolve(one);
      }),
    );
  }

  /** Resolves `artifacts`, names included. @throws {FormatError} */
  artifacts(): Record<string, unknown> {
    const artifacts = isRecord(this.#data["artifacts"]) ? this.#data["artifacts"] : {};
    const result: Record<string, unknown> = {};
    for (const [name, definition] of Object.entries(artifacts)) {
      const resolved = this.#at(`'artifacts.${name}'`, () => {
        checkExpressions(name);
        checkExpressions(definition);
        return { name: this.#variables.resolve(name), value: this.#variables.resolve(definition) };
      });
      if (typeof resolved.name !== "string") {
        throw new FormatError(
          `failed to resolve 'artifacts.${name}' in '${this.#shown}': expected str, got ${pythonTypeName(resolved.name)}`,
          { file: this.#shown },
        );
      }
      result[resolved.name] = resolved.value;
    }
    return result;
  }

  #refuseTemplates(value: unknown, where: string): void {
    if (!holdsTemplate(value)) return;
    throw new FormatError(`failed to parse '${where}' in '${this.#shown}': interpolating is not allowed`, {
      file: this.#shown,
    });
  }

  /** Runs `work`; a problem of one of `kinds` (default: any) becomes an error that names the place. */
  #at<T>(place: string, work: () => T, kinds?: readonly ProblemKind[]): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof TemplateProblem) || (kinds !== undefined && !kinds.includes(error.kind))) throw error;
      const spacing = startsOnOwnLine(error.kind) ? "\n" : " ";
      throw new FormatError(`failed to parse ${place} in '${this.#shown}':${spacing}${error.message}`, {
        file: join(this.#folder, "dvc.yaml"),
      });
    }
  }
}

function isGroup(definition: Entry): boolean {
  return "foreach" in definition || "matrix" in definition;
}

function isCollection(value: unknown): boolean {
  return (
    value instanceof ListNode || value instanceof MapNode || Array.isArray(value) || (isRecord(value) && !isNode(value))
  );
}

/** YAML's `true` and `false` as keys, which the parser gives as Python prints them. */
function keyName(written: string): string {
  return written === "True" || written === "False" ? written.toLowerCase() : written;
}

/** Text of an item within a stage's name. A value that came through a template prints as Python would. */
function nameText(value: unknown): string {
  if (!isNode(value)) return templateText(value);
  const plain = plainOf(value);
  return typeof plain === "boolean" ? (plain ? "True" : "False") : templateText(plain);
}

interface Axis {
  readonly key: string;
  readonly items: readonly unknown[];
}

function* combinations(axes: readonly Axis[]): Generator<{ key: string; item: Record<string, unknown> }> {
  const at = axes.map(() => 0);
  if (axes.some((axis) => axis.items.length === 0)) return;
  const names = axes.map((axis) =>
    axis.items.map((item, index) => (isCollection(item) ? `${axis.key}${String(index)}` : nameText(item))),
  );
  for (;;) {
    const item: Record<string, unknown> = {};
    for (const [index, axis] of axes.entries()) item[axis.key] = axis.items[at[index] ?? 0];
    yield { key: names.map((list, index) => list[at[index] ?? 0] ?? "").join("-"), item };
    let digit = axes.length - 1;
    for (; digit >= 0; digit--) {
      const next = (at[digit] ?? 0) + 1;
      if (next < (axes[digit]?.items.length ?? 0)) {
        at[digit] = next;
        break;
      }
      at[digit] = 0;
    }
    if (digit < 0) return;
  }
}
