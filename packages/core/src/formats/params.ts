import { DvcError, FormatError } from "../base/errors.ts";
import { parseJsonParams } from "./paramsJson.ts";
import { parsePythonParams } from "./paramsPython.ts";
import { parseTomlParams } from "./paramsToml.ts";
import { parseYaml } from "./yaml.ts";
import { asReaderError } from "./yamlReaderMessage.ts";

/** Longest TOML and Python, in UTF-16 units: people write them by hand. */
const MAX_SOURCE = 1024 * 1024;
/** Of what a parser says, so much is told (UTF-16 units). */
const MAX_SAID = 1000;

/** What a params file may be, by its suffix. */
type ParamsKind = "YAML" | "JSON" | "TOML" | "Python";

/** What a params file is read by, as DVC has it: its name from the first dot on, so that `metrics.v1.json` is YAML. */
function suffixOf(file: string): string {
  return /\.[^/\\]+$/.exec(file.slice(file.search(/[^/\\]*$/)))?.[0] ?? "";
}

/** The format of a params file, by its suffix; YAML for unknown ones. */
function kindOf(ending: string): ParamsKind {
  const suffix = ending.toLowerCase();
  return suffix === ".json" ? "JSON" : suffix === ".toml" ? "TOML" : suffix === ".py" ? "Python" : "YAML";
}

/**
 * Reads the values of a params (or metrics) file by its suffix, or by another one. An empty YAML file is an empty mapping.
 * @throws {FormatError} in DVC's words, with the parser's own error as cause.
 */
export function parseParams(text: string, file: string, suffix: string = suffixOf(file)): unknown {
  const kind = kindOf(suffix);
  if ((kind === "TOML" || kind === "Python") && text.length > MAX_SOURCE)
    throw new FormatError(`'${file}' is too large to read (${String(text.length)} characters).`, { file });
  try {
    switch (kind) {
      case "JSON":
        return parseJsonParams(text);
      case "TOML":
        return parseTomlParams(text);
      case "Python":
        return parsePythonParams(text);
      case "YAML":
        return falsyToEmpty(parseYaml(text, file, asReaderError));
    }
  } catch (error) {
    const message = `unable to read: '${file}', ${kind} file structure is corrupted`;
    // Of control characters all is said already.
    if (error instanceof FormatError && error.message.startsWith(message)) throw error;
    throw new FormatError(message, {
      file,
      cause: error instanceof DvcError ? error : brief(error),
    });
  }
}

/** Parsers quote the line, however long it is. */
function brief(error: unknown): unknown {
  if (!(error instanceof Error) || error.message.length <= MAX_SAID) return error;
  return new SyntaxError(`${error.message.slice(0, MAX_SAID)}…`);
}

function falsyToEmpty(value: unknown): unknown {
  const isFalsy = value === null || value === undefined || value === false || value === 0 || value === "";
  return isFalsy || (Array.isArray(value) && value.length === 0) ? {} : value;
}
