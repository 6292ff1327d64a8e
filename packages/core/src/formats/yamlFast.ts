import { YamlProblem } from "./yamlScanner.ts";
import { plainKind, plainValue } from "./yamlValues.ts";

/** Deeper nesting is left to the full reader. */
const MAX_INDENT = 200;
/** Scalars of a document: as many as 150,000 files of a folder have that are listed in a `.dvc` file. */
const MAX_VALUES = 600_000;

/**
 * Reads the plain block YAML that DVC itself writes: mappings and lists of plain one-line scalars. Gives undefined for
 * anything else, also for what may be wrong: then the full reader decides. What it accepts it reads as the full reader does.
 */
export function parsePlainYaml(text: string): unknown {
  const reader = new PlainReader(text);
  try {
    return reader.read();
  } catch (error) {
    if (error === UNUSUAL) return undefined;
    throw error;
  }
}

const UNUSUAL = new Error("not plain");

class PlainReader {
  readonly #text: string;
  #at = 0;
  /** Where the current line's content starts and ends; its column. */
  #from = 0;
  #end = 0;
  #indent = -1;
  #values = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): unknown {
    this.#nextLine();
    if (this.#indent !== 0) throw UNUSUAL;
    const value = this.#block(0);
    if ((this.#indent as number) !== -1) throw UNUSUAL;
    return value;
  }

  /** Moves to the next line; indent -1 at the end of the text. */
  #nextLine(): void {
    const text = this.#text;
    const start = this.#at;
    if (start >= text.length) {
      this.#indent = -1;
      return;
    }
    let end = text.indexOf("\n", start);
    if (end === -1) end = text.length;
    this.#at = end + 1;
    let from = start;
    while (from < end && text.charCodeAt(from) === 32) from++;
    if (from === end || from - start > MAX_INDENT) throw UNUSUAL;
    this.#from = from;
    this.#end = end;
    this.#indent = from - start;
  }

  #block(indent: number): unknown {
    return this.#isDash() ? this.#list(indent) : this.#mapping(indent);
  }

  #isDash(): boolean {
    return this.#text.charCodeAt(this.#from) === 45 && this.#text.charCodeAt(this.#from + 1) === 32;
  }

  #list(indent: number): unknown[] {
    if (indent > MAX_INDENT) throw UNUSUAL;
    const items: unknown[] = [];
    while (this.#indent === indent && this.#isDash()) {
      this.#from += 2;
      this.#indent = indent + 2;
      if (this.#from >= this.#end || this.#text.charCodeAt(this.#from) === 32) throw UNUSUAL;
      items.push(this.#isDash() ? this.#list(indent + 2) : this.#item(indent + 2));
    }
    if (this.#indent > indent) throw UNUSUAL;
    return items;
  }

  #item(indent: number): unknown {
    if (this.#colon() !== -1) return this.#mapping(indent);
    const value = this.#scalar(this.#from);
    this.#nextLine();
    return value;
  }

  #mapping(indent: number): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    while (this.#indent === indent && !this.#isDash()) {
      const colon = this.#colon();
      if (colon === -1) throw UNUSUAL;
      const key = this.#key(colon);
      if (Object.hasOwn(value, key)) throw UNUSUAL;
      value[key] = this.#value(colon + 1, indent);
    }
    if (this.#indent > indent) throw UNUSUAL;
    return value;
  }

  #value(after: number, indent: number): unknown {
    if (after < this.#end) {
      const value = this.#scalar(after + 1);
      this.#nextLine();
      return value;
    }
    this.#nextLine();
    if (this.#indent > indent) return this.#block(this.#indent);
    // Lists may stand in the column of their key.
    return this.#indent === indent && this.#isDash() ? this.#list(indent) : null;
  }

  /** Index of the colon that ends the key of this line, or -1. */
  #colon(): number {
    const text = this.#text;
    const end = this.#end;
    for (let at = this.#from; at < end; at++) {
      if (text.charCodeAt(at) === 58 && (at + 1 === end || text.charCodeAt(at + 1) === 32)) {
        if (at - this.#from > 1000) throw UNUSUAL;
        return at;
      }
    }
    return -1;
  }

  #key(colon: number): string {
    const key = this.#text.slice(this.#from, colon);
    if (!/^[A-Za-z_][\w./@-]*$/.test(key) || key === "__proto__" || plainKind(key) !== "str") throw UNUSUAL;
    return key;
  }

  #scalar(from: number): unknown {
    if (++this.#values > MAX_VALUES)
      throw new YamlProblem(undefined, undefined, "too many values in a document", { index: from, line: 0, column: 0 });
    const text = this.#text;
    const end = this.#end;
    if (from >= end || text.charCodeAt(end - 1) === 32) throw UNUSUAL;
    const first = text.charCodeAt(from);
    if (first === 39) return this.#quoted(from);
    // A first character that is a letter, a digit, or one of "./_+" starts nothing but a plain scalar.
    const letter = (first >= 97 && first <= 122) || (first >= 65 && first <= 90) || first === 95;
    const digit = (first >= 46 && first <= 57) || first === 43;
    if (!letter && !digit) throw UNUSUAL;
    for (let at = from; at < end; at++) {
      const code = text.charCodeAt(at);
      if (code > 126 || code < 32) throw UNUSUAL;
      if (code === 58 && (at + 1 === end || text.charCodeAt(at + 1) === 32)) throw UNUSUAL;
      if (code === 35 && text.charCodeAt(at - 1) === 32) throw UNUSUAL;
    }
    const value = text.slice(from, end);
    if (value.startsWith("...")) throw UNUSUAL;
    return plainValue(value);
  }

  #quoted(from: number): string {
    const inner = this.#text.slice(from + 1, this.#end - 1);
    if (this.#end - from < 2 || this.#text.charCodeAt(this.#end - 1) !== 39 || !/^[\x20-\x26\x28-\x7e]*$/.test(inner)) {
      throw UNUSUAL;
    }
    return inner;
  }
}
