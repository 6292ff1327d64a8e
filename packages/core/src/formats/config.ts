import { ConfigError } from "../base/errors.ts";
import { pyStringRepr, setKey } from "./pyValues.ts";
import { keywordLine, type SectionLine, sectionLine } from "./configLines.ts";
import type { ConfigSections, ConfigValue } from "./configSections.ts";

export { checkConfig } from "./configSchema.ts";
export type { ConfigSections, ConfigValue } from "./configSections.ts";

type Nested = { [key: string]: ConfigValue | Nested };

const NAMED = ["remote", "machine", "db"] as const;
const NAMED_HEADER = /^\s*(remote|machine|db)\s*"(.*)"\s*$/;
/** Longest file and line that are read, in UTF-16 units. */
const MAX_LENGTH = 4 * 1024 * 1024;
const MAX_LINE = 16 * 1024;
/** Sections and options of a file. */
const MAX_ENTRIES = 10_000;

/** What a config file holds. */
export interface ConfigFile {
  readonly sections: ConfigSections;
  /** Headers of the sections with names, such as `remote "store"`, as they come: in an object those whose name is a number come first. */
  readonly headers: readonly string[];
}

/**
 * Reads a config file as DVC's ConfigObj does. Comments are dropped.
 * @throws {ConfigError} for lines that are neither, bad quotes, duplicates; in DVC's words.
 */
export function readConfig(text: string, file: string): ConfigFile {
  if (text.length > MAX_LENGTH) throw new ConfigError(`config file error: '${file}' is too large`);
  if (text.includes("\0")) throw new ConfigError(`config file error: '${file}' holds a NUL character`);
  const value = lowerKeys(new ConfigReader(text, file).read());
  const headers = Object.keys(value).flatMap((key) => {
    const match = NAMED_HEADER.exec(key);
    return match === null ? [] : [headerOf(match[1] ?? "", match[2] ?? "")];
  });
  return { sections: splitNamed(value), headers };
}

/** Its sections alone. @throws {ConfigError} as {@link readConfig} */
export function parseConfig(text: string, file: string): ConfigSections {
  return readConfig(text, file).sections;
}

/** The entries of the sections of one kind, in the order of `headers`; new ones last. */
export function entriesInOrder<T>(
  kind: string,
  sections: Readonly<Record<string, T>>,
  headers: readonly string[],
): [string, T][] {
  const place = new Map(headers.map((header, index) => [header, index]));
  const placeOf = (name: string): number => place.get(headerOf(kind, name)) ?? headers.length;
  return Object.entries(sections).sort(([a], [b]) => placeOf(a) - placeOf(b));
}

function headerOf(kind: string, name: string): string {
  return `${kind} "${name}"`;
}

function lowerKeys(value: Nested): Nested {
  const lowered: Nested = {};
  for (const [key, one] of Object.entries(value)) {
    setKey(lowered, key.toLowerCase(), typeof one === "string" || Array.isArray(one) ? one : lowerKeys(one));
  }
  return lowered;
}

function splitNamed(value: Nested): ConfigSections {
  const sections: ConfigSections = {};
  for (const [key, one] of Object.entries(value)) {
    const match = NAMED_HEADER.exec(key);
    const kind = match?.[1] ?? key;
    if (isNamed(kind) && (typeof one === "string" || Array.isArray(one))) {
      throw new ConfigError(`config file error: expected a dictionary for dictionary value @ data['${kind}']`);
    }
    if (match === null) setKey(sections, key, one);
    else setKey((sections[kind as (typeof NAMED)[number]] ??= {}), match[2] ?? "", one);
  }
  return sections;
}

class ConfigReader {
  readonly #lines: string[];
  readonly #root: Nested = {};
  readonly #path: Nested[] = [this.#root];
  readonly #errors: { text: string; line: number }[] = [];
  readonly #file: string;
  #at = 0;
  #entries = 0;

  constructor(text: string, file: string) {
    this.#file = file;
    // Python splits lines at more characters than "\n".
    this.#lines = text.replace(/^\ufeff/, "").split(/\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]/);
  }

  read(): Nested {
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at] ?? "";
      const trimmed = line.trim();
      if (trimmed === "" || trimmed.startsWith("#")) continue;
      if (++this.#entries > MAX_ENTRIES) throw new ConfigError(`config file error: '${this.#file}' is too large`);
      if (line.length > MAX_LINE) this.#fail("Line too long");
      else this.#line(line);
    }
    const first = this.#errors[0];
    if (first === undefined) return this.#root;
    const several = `Parsing failed with several errors.\nFirst error at line ${String(first.line)}.`;
    throw new ConfigError(
      `config file error: ${this.#errors.length > 1 ? several : `${first.text} at line ${String(first.line)}.`}`,
    );
  }

  #fail(text: string): void {
    this.#errors.push({ text, line: this.#at + 1 });
  }

  #line(line: string): void {
    const section = sectionLine(line);
    if (section !== undefined) {
      this.#section(section);
      return;
    }
    const keyword = keywordLine(line);
    if (keyword === undefined)
      this.#fail(`Invalid line (${pyStringRepr(line)}) (matched as neither section nor keyword)`);
    else this.#keyword(unquote(keyword.key), keyword.value);
  }

  #section({ open: depth, close, name: quoted }: SectionLine): void {
    const name = unquote(quoted);
    if (depth !== close) return this.#fail("Cannot compute the section depth");
    if (depth > this.#path.length) return this.#fail("Section too nested");
    const parent = this.#path[depth - 1];
    if (parent === undefined || Object.hasOwn(parent, name)) return this.#fail("Duplicate section name");
    const section: Nested = {};
    setKey(parent, name, section);
    this.#path.length = depth;
    this.#path.push(section);
  }

  #keyword(key: string, text: string): void {
    const start = text.slice(0, 3);
    const isLong = start === '"""' || start === "'''";
    const value = isLong ? this.#longValue(start, text) : parseValue(text);
    if (value === undefined) return this.#fail(isLong ? "Parse error in multiline value" : "Parse error in value");
    const section = this.#path.at(-1) ?? this.#root;
    if (Object.hasOwn(section, key)) return this.#fail("Duplicate keyword name");
    setKey(section, key, value);
  }

  /** A value in triple quotes, which may go on over several lines. */
  #longValue(quote: string, text: string): string | undefined {
    let line = text.slice(3);
    for (let value = ""; ; value += `${line}\n`, line = this.#lines[this.#at] ?? "") {
      const end = line.indexOf(quote);
      if (end !== -1) return /^\s*(?:#.*)?$/.test(line.slice(end + 3)) ? value + line.slice(0, end) : undefined;
      if (this.#at + 1 >= this.#lines.length) return undefined;
      this.#at++;
    }
  }
}

function unquote(text: string): string {
  const first = text.charAt(0);
  return text.length > 1 && (first === '"' || first === "'") && text.endsWith(first) ? text.slice(1, -1) : text;
}

/** A value, a list of them, or undefined when it does not parse. */
function parseValue(text: string): ConfigValue | undefined {
  if (/^,\s*(#.*)?$/.test(text)) return [];
  const items: string[] = [];
  let isList = false;
  let rest = text;
  for (;;) {
    if (rest === "" || rest.startsWith("#")) {
      if (isList) return items;
      return "";
    }
    const item = nextItem(rest);
    if (item === undefined) return undefined;
    items.push(item.value);
    rest = item.rest;
    if (!rest.startsWith(",")) return isList ? items : item.value;
    isList = true;
    rest = rest.slice(1).trimStart();
  }
}

/** Cuts off one item; `rest` starts at a comma or a comment, or is empty. */
function nextItem(text: string): { value: string; rest: string } | undefined {
  const quote = text.charAt(0);
  if (quote === '"' || quote === "'") {
    for (let end = text.indexOf(quote, 1); end !== -1; end = text.indexOf(quote, end + 1)) {
      const rest = text.slice(end + 1).trimStart();
      if (rest === "" || rest.startsWith(",") || rest.startsWith("#")) return { value: text.slice(1, end), rest };
    }
    return undefined;
  }
  if (quote === ",") return undefined;
  const end = /[,#]/.exec(text)?.index ?? text.length;
  return { value: text.slice(0, end).trimEnd(), rest: text.slice(end) };
}

/**
 * Writes a config file byte by byte as DVC does: sections in their order, named ones last, empty ones left out.
 * @param headers the order of the named ones, as {@link readConfig} gives it
 * @throws {ConfigError} for values that no quotes can hold.
 */
export function serializeConfig(sections: ConfigSections, headers: readonly string[] = []): string {
  const scalars: string[] = [];
  const lines: string[] = [];
  const addSection = (name: string, section: unknown): void => {
    lines.push(`[${quoted(name, false)}]`, ...sectionLines(section as Nested, 1));
  };
  for (const [name, section] of Object.entries(sections)) {
    if (section === undefined || isNamed(name)) continue;
    if (typeof section !== "object" || Array.isArray(section)) scalars.push(entryLine(name, section));
    else if (Object.keys(section).length > 0) addSection(name, section);
  }
  for (const kind of NAMED) {
    for (const [name, section] of entriesInOrder(kind, sections[kind] ?? {}, headers))
      addSection(headerOf(kind, name), section);
  }
  return `${[...scalars, ...lines].join("\n")}\n`;
}

function isNamed(name: string): boolean {
  return (NAMED as readonly string[]).includes(name);
}

function sectionLines(section: Nested, depth: number): string[] {
  const indent = "    ".repeat(depth);
  const scalars: string[] = [];
  const nested: string[] = [];
  for (const [key, value] of Object.entries(section)) {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      nested.push(
        `${indent}${"[".repeat(depth + 1)}${quoted(key, false)}${"]".repeat(depth + 1)}`,
        ...sectionLines(value, depth + 1),
      );
    } else scalars.push(indent + entryLine(key, value));
  }
  return [...scalars, ...nested];
}

function entryLine(key: string, value: unknown): string {
  return `${quoted(key, false)} = ${valueText(value)}`;
}

function valueText(value: unknown): string {
  if (!Array.isArray(value)) return quoted(scalarText(value), true);
  if (value.length === 0) return ",";
  const items = value.map((one) => quoted(scalarText(one), false));
  return items.length === 1 ? `${items[0] ?? ""},` : items.join(", ");
}

/** Python's `str` of what callers may put in. */
function scalarText(value: unknown): string {
  if (value === true) return "True";
  if (value === false) return "False";
  return String(value);
}

const EDGES = " \r\n\v\t'\"";

function quoted(text: string, multiline: boolean): string {
  if (text === "") return '""';
  const both = text.includes("'") && text.includes('"');
  if (multiline && (both || text.includes("\n"))) return tripleQuoted(text);
  if (text.includes("\n")) throw unquotable(text);
  const first = text.charAt(0);
  const last = text.charAt(text.length - 1);
  const plain = !EDGES.includes(first) && !EDGES.includes(last) && !text.includes(",") && !text.includes("#");
  if (plain) return text;
  if (both) throw unquotable(text);
  return text.includes('"') ? `'${text}'` : `"${text}"`;
}

/** ConfigObj's own choice of quotes, which is wrong for text that holds three of the double ones. */
function tripleQuoted(text: string): string {
  if (!text.includes('"""')) return `'''${text}'''`;
  if (text.includes("'''")) throw unquotable(text);
  return `"""${text}"""`;
}

function unquotable(text: string): ConfigError {
  return new ConfigError(`Value "${text}" cannot be safely quoted.`);
}
