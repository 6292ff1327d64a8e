import { InvalidFileError } from "../base/errors.ts";
import { isRecord, pyStr } from "./pyValues.ts";
import type { Check, SchemaError } from "./schema.ts";
import { errorText } from "./schema.ts";
import { excerpt, wrapLine } from "./yamlMessage.ts";
import { parseNodes } from "./yamlNodes.ts";
import type { ScalarNode, YamlNode } from "./yamlNodes.ts";
import { YamlProblem } from "./yamlScanner.ts";
import { plainKind, plainValue } from "./yamlValues.ts";

/** So many errors are told one by one, as long as what is told is no longer than this (characters). */
const MAX_SHOWN = 50;
const MAX_TOLD = 20_000;
/** How many parts of a path are given up in search of a position. */
const MAX_STEPS = 5;

/**
 * Checks parsed YAML against a schema.
 * @throws {InvalidFileError} in DVC's words, with the lines around each error.
 */
export function validateYaml(value: unknown, check: Check, text: string, file: string): void {
  const errors = check(value, []);
  const first = errors[0];
  if (first === undefined) return;
  const root = rootOf(text);
  const count = errors.length > 1 ? `: ${String(errors.length)} errors` : "";
  const headline = `'${file}' validation failed${count}`;
  const oneLine = `${headline}: ${errorText(first)}`;
  const isEmpty = isRecord(value) && Object.keys(value).length === 0;
  if (root?.kind !== "mapping" && !isEmpty) {
    throw new InvalidFileError(wrapLine(`${oneLine}.`).join("\n"), { file, oneLine });
  }
  const lines = [...wrapLine(`${headline}.`), ""];
  let told = 0;
  let shown = 0;
  while (shown < Math.min(errors.length, MAX_SHOWN) && told < MAX_TOLD) {
    const error = errors[shown] ?? first;
    if (shown > 0 && lines.at(-1) !== "") lines.push("");
    const described = describe(error, root, text);
    lines.push(...described);
    told += described.join("\n").length;
    shown++;
  }
  if (errors.length > shown) lines.push("", `and ${String(errors.length - shown)} more`);
  const at = locate(root, first.path);
  throw new InvalidFileError(lines.join("\n"), {
    file,
    oneLine,
    ...(at === undefined ? {} : { line: at.line, column: at.column }),
  });
}

/** Undefined for a document that is too large to have places in it. */
function rootOf(text: string): YamlNode | undefined {
  try {
    return parseNodes(text, false).root;
  } catch (error) {
    if (error instanceof YamlProblem) return undefined;
    throw error;
  }
}

function describe(error: SchemaError, root: YamlNode | undefined, text: string): string[] {
  const parts = [error.message];
  if (error.path.length > 0) parts.push(`in ${error.path.join(" -> ")}`);
  const at = locate(root, error.path);
  if (at === undefined) return wrapLine(parts.join(", "));
  parts.push(`line ${String(at.line)}`, `column ${String(at.column)}`);
  return [...wrapLine(parts.join(", ")), excerpt(text, at.line - 1, at.line + at.steps - 1)];
}

/** The nearest collection at or above `path`; only collections have positions in DVC. */
function locate(
  root: YamlNode | undefined,
  path: readonly (string | number)[],
): { line: number; column: number; steps: number } | undefined {
  for (let steps = 1; steps < MAX_STEPS && path.length - steps + 1 > 0; steps++) {
    const node = nodeAt(root, path.slice(0, path.length - steps + 1));
    if (node?.kind === "mapping" || node?.kind === "sequence") {
      return { line: node.start.line + 1, column: node.start.column + 1, steps };
    }
  }
  return undefined;
}

/** A key that is no text, as Python prints it, if DVC can find it again. */
function typedKey({ style, value }: ScalarNode): string | undefined {
  return style === "" && /^(?:int|bool)$/.test(plainKind(value)) ? pyStr(plainValue(value)) : undefined;
}

function nodeAt(root: YamlNode | undefined, path: readonly (string | number)[]): YamlNode | undefined {
  let node: YamlNode | undefined = root;
  for (const part of path) {
    if (node?.kind === "alias") node = node.target;
    if (node?.kind === "sequence" && typeof part === "number") node = node.items[part];
    else if (node?.kind === "mapping") {
      node = node.pairs.find(
        ({ key }) => key.kind === "scalar" && (key.value === part || typedKey(key) === part),
      )?.value;
    } else return undefined;
  }
  return node?.kind === "alias" ? node.target : node;
}
