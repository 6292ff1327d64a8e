import { readLogicalLines } from "./pythonLines.ts";
import type { LogicalLine, PyToken } from "./pythonLines.ts";
import { NotLiteral, readLiteral } from "./pythonLiteral.ts";
import { setKey } from "./pyValues.ts";

/**
 * Reads the parameters of a Python file: literal assignments of the module and of classes, and `self.x = …` in `__init__`.
 * Nothing is run; whatever is no literal is left out, as DVC does. Tuples and sets become arrays.
 * @throws {SyntaxError} for brackets or strings that do not close.
 */
export function parsePythonParams(text: string): Record<string, unknown> {
  const lines = readLogicalLines(text);
  return readBlock(lines, 0, lines[0]?.indent ?? 0, false).values;
}

interface Block {
  readonly values: Record<string, unknown>;
  /** Index of the first line after the block. */
  readonly next: number;
}

function readBlock(lines: readonly LogicalLine[], from: number, indent: number, onlySelf: boolean): Block {
  const values: Record<string, unknown> = {};
  let at = from;
  for (let line = lines[at]; line !== undefined && line.indent >= indent; line = lines[at]) {
    const inner = innerBlock(line);
    at++;
    if (inner === undefined) {
      for (const statement of splitStatements(line.tokens)) readAssignment(statement, onlySelf, values);
      continue;
    }
    const deeper = lines[at];
    const hasBody = deeper !== undefined && deeper.indent > line.indent;
    if (inner.kind === "other") {
      if (hasBody) at = skipBlock(lines, at, line.indent);
      continue;
    }
    const isInit = inner.kind === "init";
    let body: Record<string, unknown> = {};
    if (hasBody) {
      const block = readBlock(lines, at, deeper.indent, isInit);
      body = block.values;
      at = block.next;
    } else for (const statement of splitStatements(inner.inline)) readAssignment(statement, isInit, body);
    if (isInit) for (const [key, value] of Object.entries(body)) setKey(values, key, value);
    else setKey(values, inner.name, body);
  }
  return { values, next: at };
}

function skipBlock(lines: readonly LogicalLine[], from: number, indent: number): number {
  let at = from;
  while ((lines[at]?.indent ?? -1) > indent) at++;
  return at;
}

interface Inner {
  readonly kind: "class" | "init" | "other";
  readonly name: string;
  readonly inline: readonly PyToken[];
}

const COMPOUND = new Set(["if", "elif", "else", "for", "while", "try", "except", "finally", "with", "def", "async"]);

/** What block a line opens; undefined for simple statements. */
function innerBlock(line: LogicalLine): Inner | undefined {
  const [first, second] = line.tokens;
  if (first?.kind !== "name") return undefined;
  const isClass = first.text === "class";
  if (!isClass && !COMPOUND.has(first.text)) return undefined;
  const name = second?.text ?? "";
  const inline = line.tokens.slice(endOfHead(line.tokens) + 1);
  if (isClass) return { kind: "class", name, inline };
  return { kind: first.text === "def" && name === "__init__" ? "init" : "other", name, inline };
}

function endOfHead(tokens: readonly PyToken[]): number {
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "op") continue;
    if ("([{".includes(token.text)) depth++;
    else if (")]}".includes(token.text)) depth--;
    else if (token.text === ":" && depth === 0) return index;
  }
  return tokens.length;
}

function splitStatements(tokens: readonly PyToken[]): PyToken[][] {
  const statements: PyToken[][] = [[]];
  for (const token of tokens) {
    if (token.kind === "op" && token.text === ";") statements.push([]);
    else statements.at(-1)?.push(token);
  }
  return statements.filter((one) => one.length > 0);
}

function readAssignment(tokens: readonly PyToken[], onlySelf: boolean, into: Record<string, unknown>): void {
  const name = targetName(tokens, onlySelf);
  if (name === undefined) return;
  let at = name.length;
  if (isOp(tokens[at], ":")) at = indexOfAssign(tokens, at + 1);
  if (!isOp(tokens[at], "=")) return;
  const rest = tokens.slice(at + 1);
  if (indexOfAssign(rest, 0) < rest.length) return;
  try {
    setKey(into, name.text, readLiteral(rest));
  } catch (error) {
    if (!(error instanceof NotLiteral)) throw error;
  }
}

/** Name that is assigned to, and how many tokens it takes: `x` or `self.x`. */
function targetName(tokens: readonly PyToken[], onlySelf: boolean): { text: string; length: number } | undefined {
  const [first, second, third] = tokens;
  if (first?.kind !== "name") return undefined;
  if (isOp(second, ".")) {
    const isSelf = first.text === "self" && third?.kind === "name";
    return isSelf ? { text: third.text, length: 3 } : undefined;
  }
  return onlySelf ? undefined : { text: first.text, length: 1 };
}

function isOp(token: PyToken | undefined, text: string): boolean {
  return token?.kind === "op" && token.text === text;
}

function indexOfAssign(tokens: readonly PyToken[], from: number): number {
  let depth = 0;
  for (let at = from; at < tokens.length; at++) {
    const token = tokens[at];
    if (token?.kind !== "op") continue;
    if ("([{".includes(token.text)) depth++;
    else if (")]}".includes(token.text)) depth--;
    else if (token.text === "=" && depth === 0) return at;
  }
  return tokens.length;
}
