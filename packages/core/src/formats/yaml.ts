import { FormatError } from "../base/errors.ts";
import { asNumber } from "./pyValues.ts";
import { parsePlainYaml } from "./yamlFast.ts";
import { parseNodes } from "./yamlNodes.ts";
import { asFormatError } from "./yamlMessage.ts";
import { ValueBuilder } from "./yamlValues.ts";

export { dumpYaml } from "./yamlEmit.ts";
export { updateYaml } from "./yamlUpdate.ts";

/** Longest text that is read, in UTF-16 units. */
const MAX_LENGTH = 16 * 1024 * 1024;
/** Longest text for the full reader, which takes more time and memory; what DVC writes needs it for nothing so long. */
const MAX_FULL = 6 * 1024 * 1024;

/**
 * Reads one YAML 1.2 document as DVC's reader (ruamel.yaml, safe) does. An empty document, and any false value, is `{}`
 * as in DVC. Mappings become plain objects (keys that are no strings become Python's text of them), integers beyond 2^53
 * `bigint`, floats of integral value `PyFloat`, dates `PyDate`.
 * @param file as messages show it, e.g. `./data.dvc`.
 * @param told makes the error of a syntax problem.
 * @throws {FormatError} with `line` and `column`, in DVC's words; also for duplicate keys, unknown tags, and input out of bounds.
 */
export function parseYaml(text: string, file: string, told: typeof asFormatError = asFormatError): unknown {
  checkLength(text, file, MAX_LENGTH);
  try {
    return parsePlainYaml(text) ?? parseAnyYaml(text, file);
  } catch (error) {
    throw told(error, text, file);
  }
}

/** The full reader without the short cut. Exported for tests. @throws {YamlProblem} */
export function parseAnyYaml(text: string, file = "-"): unknown {
  checkLength(text, file, MAX_FULL);
  checkPrintable(text, file);
  const { root } = parseNodes(text, false);
  const value = root === undefined ? null : new ValueBuilder().build(root);
  return isFalse(value) ? {} : value;
}

function checkLength(text: string, file: string, most: number): void {
  if (text.length <= most) return;
  throw new FormatError(`'${file}' is too large to read (${String(text.length)} characters).`, { file });
}

function isFalse(value: unknown): boolean {
  if (value === null || value === false || value === "") return true;
  return asNumber(value) === 0 || (Array.isArray(value) && value.length === 0);
}

/** Refuses control characters, which YAML does not allow. */
function checkPrintable(text: string, file: string): void {
  const bad = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.exec(text);
  if (bad === null) return;
  const before = text.slice(0, bad.index);
  const position = Array.from(before).length;
  const code = (bad[0].codePointAt(0) ?? 0).toString(16).padStart(4, "0");
  throw new FormatError(
    `unable to read: '${file.replace(/^\.\//, "")}', YAML file structure is corrupted: ` +
      `unacceptable character #x${code}: special characters are not allowed\n  in "<unicode string>", position ${String(position)}`,
    { file, line: before.split("\n").length, column: before.length - before.lastIndexOf("\n") },
  );
}
