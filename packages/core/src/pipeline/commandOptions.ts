import { isRecord, pyStr } from "../formats/pyValues.ts";
import { shellQuote } from "./pythonText.ts";
import type { ParsingOptions } from "./source.ts";
import { TemplateProblem } from "./templateProblem.ts";

/** Expands a mapping in a command to options: `--lr 0.1 --verbose --names a b`. @throws {TemplateProblem} */
export function toCommandOptions(mapping: Readonly<Record<string, unknown>>, parsing: ParsingOptions): string {
  const words: string[] = [];
  for (const [key, value] of flatten(mapping, "")) words.push(...optionWords(key, value, parsing));
  return words.join(" ").trimEnd();
}

function* flatten(mapping: Readonly<Record<string, unknown>>, prefix: string): Generator<[string, unknown]> {
  for (const [key, value] of Object.entries(mapping)) {
    if (isRecord(value)) yield* flatten(value, `${prefix}${key}.`);
    else yield [prefix + key, value];
  }
}

function optionWords(key: string, value: unknown, parsing: ParsingOptions): string[] {
  if (value === true) return [`--${key}`];
  if (value === false) return parsing.bool === "boolean_optional" ? [`--no-${key}`] : [];
  if (!Array.isArray(value)) return [`--${key}`, typeof value === "string" ? shellQuote(value) : pyStr(value)];
  const words = value.map((one: unknown) => {
    if (typeof one === "string") return shellQuote(one);
    if (Array.isArray(one) || isRecord(one)) {
      throw new TemplateProblem("syntax", `Cannot interpolate nested iterable in '${key}'`);
    }
    return pyStr(one);
  });
  if (parsing.list === "append") return words.flatMap((word) => [`--${key}`, word]);
  return words.length === 0 ? [] : [`--${key}`, ...words];
}
