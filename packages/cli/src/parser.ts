import type { OptionSpec, OptionTable, PositionalSpec, PositionalTable } from "./command.ts";
import { pyRepr, pyReprList } from "./pyText.ts";

/** A bad command line. `message` is argparse's text. Missing sub-commands and the like name the parser they belong to. */
export class CommandLineError extends Error {}

/** What one parser knows: its options (globals included) and its positionals. */
export interface Grammar {
  readonly options: OptionTable;
  readonly positionals: PositionalTable;
  /** Stops at the first positional; the words from there on are returned as `rest` (sub-commands). */
  readonly stopAtPositional?: boolean;
}

/** Result of `parseWords`. */
export interface Parsed {
  readonly values: Record<string, unknown>;
  /** Options that nobody knows, and positionals too many. */
  readonly extras: readonly string[];
  /** With `stopAtPositional`: the first positional and everything after it. */
  readonly rest: readonly string[];
}

interface KnownOption {
  readonly key: string;
  readonly flag: string;
  readonly spec: OptionSpec;
  /** What a `toggle` sets: false for its `--no-` form. */
  readonly on: boolean;
}

interface Found {
  readonly option: KnownOption | undefined;
  /** Value written into the same word. */
  readonly value?: string;
  /** The value came after "=", so it can't be a bundle of short flags. */
  readonly isExplicit?: boolean;
}

/**
 * Parses words by argparse's rules: unique prefixes of long options, `--opt=value`, `-abc`, `-ofile`, `--`; negative
 * numbers are values; `--help` and `--version` end the parsing. More lenient in one thing: positionals may stand apart.
 * @throws {CommandLineError} with argparse's text.
 */
export function parseWords(grammar: Grammar, words: readonly string[]): Parsed {
  return new Run(grammar, words).parse();
}

class Run {
  readonly #grammar: Grammar;
  readonly #words: readonly string[];
  readonly #known: Map<string, KnownOption> = new Map();
  readonly #values: Record<string, unknown> = {};
  readonly #extras: string[] = [];
  readonly #positionals: string[] = [];
  readonly #given: Map<string, KnownOption> = new Map();
  #at = 0;

  constructor(grammar: Grammar, words: readonly string[]) {
    this.#grammar = grammar;
    this.#words = words;
    for (const [key, spec] of Object.entries(grammar.options)) {
      this.#values[spec.dest ?? key] ??= spec.default;
      for (const flag of spec.flags) {
        this.#known.set(flag, { key, flag, spec, on: true });
        if (spec.kind === "toggle" && flag.startsWith("--")) {
          const off = `--no-${flag.slice(2)}`;
          this.#known.set(off, { key, flag: off, spec, on: false });
        }
      }
    }
  }

  parse(): Parsed {
    let onlyPositionals = false;
    while (this.#at < this.#words.length) {
      const word = this.#words[this.#at] ?? "";
      if (this.#takesRest() && (word === "--" || this.#find(word) === undefined)) {
        // As argparse does, "--" is part of it.
        this.#positionals.push(...this.#words.slice(this.#at));
        break;
      }
      if (word === "--" && !onlyPositionals) {
        onlyPositionals = true;
        this.#at++;
        continue;
      }
      const found = onlyPositionals ? undefined : this.#find(word);
      if (found !== undefined) {
        this.#at++;
        this.#take(found, word);
        if (this.#values["$help"] === true || this.#values["$version"] === true) return this.#result([]);
        continue;
      }
      if (this.#grammar.stopAtPositional === true) {
        return this.#result(this.#words.slice(this.#at));
      }
      this.#positionals.push(word);
      this.#at++;
    }
    if (this.#grammar.stopAtPositional !== true) this.#assign();
    return this.#result([]);
  }

  #result(rest: readonly string[]): Parsed {
    return { values: this.#values, extras: this.#extras, rest };
  }

  /** Whether the first word that is no option begins the rest of the line. */
  #takesRest(): boolean {
    return Object.values(this.#grammar.positionals)[0]?.nargs === "...";
  }

  /** What option a word is; undefined when it is a positional. */
  #find(word: string): Found | undefined {
    if (!word.startsWith("-") || word === "-") return undefined;
    const exact = this.#known.get(word);
    if (exact !== undefined) return { option: exact };
    const equals = word.indexOf("=");
    if (equals > 0) {
      const named = this.#known.get(word.slice(0, equals));
      if (named !== undefined) return { option: named, value: word.slice(equals + 1), isExplicit: true };
    }
    const matches = word.startsWith("--") ? this.#byPrefix(word, equals) : this.#byShort(word);
    if (matches.length > 1) {
      const names = matches.map((one) => one.option?.flag).join(", ");
      throw new CommandLineError(`ambiguous option: ${equals > 0 ? word.slice(0, equals) : word} could match ${names}`);
    }
    if (matches[0] !== undefined) return matches[0];
    if (/^-\d+$|^-\d*\.\d+$/.test(word) || word.includes(" ")) return undefined;
    return { option: undefined };
  }

  #byPrefix(word: string, equals: number): Found[] {
    const prefix = equals > 0 ? word.slice(0, equals) : word;
    const rest = equals > 0 ? { value: word.slice(equals + 1), isExplicit: true } : {};
    const all = [...this.#known.values()].filter((one) => one.flag.startsWith(prefix));
    const theirs = all.filter((one) => one.spec.own !== true);
    return (theirs.length > 0 ? theirs : all).map((option) => ({ option, ...rest }));
  }

  #byShort(word: string): Found[] {
    const option = this.#known.get(word.slice(0, 2));
    return option === undefined ? [] : [{ option, value: word.slice(2) }];
  }

  #take(found: Found, word: string): void {
    const { option } = found;
    if (option === undefined) {
      this.#extras.push(word);
      return;
    }
    if (takesNothing(option.spec)) this.#takeFlags(option, found);
    else this.#takeValue(option, found.value);
  }

  /** A flag, or a bundle of them whose last may take a value. */
  #takeFlags(first: KnownOption, found: Found): void {
    let option = first;
    let rest = found.value;
    for (;;) {
      if (rest === undefined || (rest === "" && found.isExplicit !== true)) {
        this.#set(option, undefined);
        return;
      }
      const next = found.isExplicit === true ? undefined : this.#known.get(`-${rest.charAt(0)}`);
      if (next === undefined) throw this.#error(option, `ignored explicit argument ${pyRepr(rest)}`);
      this.#set(option, undefined);
      rest = rest.slice(1);
      if (!takesNothing(next.spec)) {
        this.#takeValue(next, rest === "" ? undefined : rest.startsWith("=") ? rest.slice(1) : rest);
        return;
      }
      option = next;
      if (rest === "") rest = undefined;
    }
  }

  #takeValue(option: KnownOption, written: string | undefined): void {
    const { nargs } = option.spec;
    if (written !== undefined) {
      this.#set(option, nargs === "*" || nargs === "+" || option.spec.kind === "pairs" ? [written] : written);
      return;
    }
    const most = nargs === "*" || nargs === "+" ? Infinity : 1;
    const taken: string[] = [];
    while (taken.length < most && this.#at < this.#words.length) {
      const word = this.#words[this.#at] ?? "";
      if (word === "--" || this.#find(word) !== undefined) break;
      taken.push(word);
      this.#at++;
    }
    if (nargs === "*" || (nargs === "+" && taken.length > 0)) this.#set(option, taken);
    else if (taken[0] !== undefined) this.#set(option, taken[0]);
    else if (nargs === "?") this.#set(option, undefined);
    else throw this.#error(option, nargs === "+" ? "expected at least one argument" : "expected one argument");
  }

  #set(option: KnownOption, raw: string | readonly string[] | undefined): void {
    const { spec, key } = option;
    this.#checkGroup(option);
    const dest = spec.dest ?? key;
    if (spec.kind === "flag") this.#values[dest] = true;
    else if (spec.kind === "count") this.#values[dest] = Number(this.#values[dest] ?? 0) + 1;
    else if (spec.kind === "toggle") this.#values[dest] = option.on;
    else if (spec.kind === "const") this.#values[dest] = spec.const;
    else if (spec.kind === "append")
      this.#values[dest] = [
        ...((this.#values[dest] as readonly unknown[] | undefined) ?? []),
        this.#convert(option, raw),
      ];
    else if (spec.kind === "pairs") this.#values[dest] = this.#addPairs(option, raw, dest);
    else if (raw === undefined) this.#values[dest] = spec.const;
    else this.#values[dest] = this.#convert(option, raw);
  }

  #checkGroup(option: KnownOption): void {
    const { group } = option.spec;
    if (group === undefined) return;
    const other = this.#given.get(group);
    if (other !== undefined && other.spec !== option.spec) {
      throw this.#error(option, `not allowed with argument ${other.spec.flags.join("/")}`);
    }
    this.#given.set(group, option);
  }

  #convert(option: KnownOption, raw: string | readonly string[] | undefined): unknown {
    const { spec } = option;
    const words = typeof raw === "string" ? [raw] : (raw ?? []);
    for (const word of words) {
      if (spec.type === "int" && !/^\s*[+-]?\d+(_\d+)*\s*$/.test(word))
        throw this.#error(option, `invalid int value: ${pyRepr(word)}`);
      if (spec.choices !== undefined && !spec.choices.includes(word)) {
        throw this.#error(option, `invalid choice: ${pyRepr(word)} (choose from ${pyReprList(spec.choices)})`);
      }
    }
    if (spec.type === "int" && typeof raw === "string") return Number(raw.trim().replaceAll("_", ""));
    return raw;
  }

  #addPairs(option: KnownOption, raw: string | readonly string[] | undefined, dest: string): Record<string, string> {
    const all = { ...(this.#values[dest] as Record<string, string> | undefined) };
    const words = typeof raw === "string" ? [raw] : (raw ?? []);
    for (const word of words) {
      const equals = word.indexOf("=");
      const value = equals < 0 ? "" : word.slice(equals + 1);
      if (value === "") {
        // Other values may be secrets.
        const shown = words.map((one) => one.replace(/=.+$/s, "=***"));
        throw this.#error(option, `Could not parse argument "[${pyReprList(shown)}]" as k1=v1 k2=v2 ... format`);
      }
      all[word.slice(0, equals)] = value;
    }
    return all;
  }

  /** Hands the positionals out in order: required ones first come, an open one takes what the later ones leave. */
  #assign(): void {
    const specs = Object.entries(this.#grammar.positionals);
    const words = [...this.#positionals];
    for (const [index, [name, spec]] of specs.entries()) {
      const later = specs.slice(index + 1).filter(([, one]) => one.nargs === "1" || one.nargs === "+").length;
      const free = Math.max(0, words.length - later);
      const count = spec.nargs === "1" ? Math.min(1, words.length) : spec.nargs === "?" ? Math.min(1, free) : free;
      const taken = words.splice(0, count);
      if (taken.length > 0) this.#values[name] = convertPositional(name, spec, taken);
      else this.#values[name] = spec.default;
    }
    this.#checkRequired(specs);
    this.#extras.push(...words);
  }

  #checkRequired(specs: readonly (readonly [string, PositionalSpec])[]): void {
    let left = this.#positionals.length;
    const missing = Object.values(this.#grammar.options)
      .filter((spec) => spec.required === true && spec.group === undefined && this.#isMissing(spec))
      .map((spec) => spec.flags.join("/"));
    for (const [name, spec] of specs) {
      if (spec.nargs !== "1" && spec.nargs !== "+") continue;
      if (left-- <= 0) missing.push(name);
    }
    if (missing.length > 0) throw new CommandLineError(`the following arguments are required: ${missing.join(", ")}`);
    this.#checkGroups();
  }

  /** Of a group of required options one has to be given. */
  #checkGroups(): void {
    const wanted = Object.values(this.#grammar.options).filter((spec) => spec.required === true);
    for (const group of new Set(wanted.flatMap((spec) => spec.group ?? []))) {
      const choices = wanted.filter((spec) => spec.group === group);
      if (!choices.every((spec) => this.#isMissing(spec))) continue;
      const names = choices.map((spec) => spec.flags.join("/")).join(" ");
      throw new CommandLineError(`one of the arguments ${names} is required`);
    }
  }

  #isMissing(spec: OptionSpec): boolean {
    const entry = Object.entries(this.#grammar.options).find(([, one]) => one === spec);
    return entry !== undefined && this.#values[spec.dest ?? entry[0]] === spec.default;
  }

  #error(option: KnownOption, text: string): CommandLineError {
    const { spec } = option;
    const names = spec.kind === "toggle" ? spec.flags.flatMap((one) => [one, `--no-${one.slice(2)}`]) : spec.flags;
    return new CommandLineError(`argument ${names.join("/")}: ${text}`);
  }
}

function takesNothing(spec: OptionSpec): boolean {
  return spec.kind === "flag" || spec.kind === "count" || spec.kind === "toggle" || spec.kind === "const";
}

function convertPositional(name: string, spec: PositionalSpec, taken: readonly string[]): unknown {
  const each = taken.map((word) => {
    if (spec.choices !== undefined && !spec.choices.includes(word)) {
      throw new CommandLineError(
        `argument ${name}: invalid choice: ${pyRepr(word)} (choose from ${pyReprList(spec.choices)})`,
      );
    }
    if (spec.convert === undefined) return word;
    try {
      return spec.convert(word);
    } catch (error) {
      throw new CommandLineError(`argument ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  return spec.nargs === "1" || spec.nargs === "?" ? each[0] : each;
}
