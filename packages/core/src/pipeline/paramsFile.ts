import { basename } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { parseParams } from "../formats/params.ts";
import type { FileSource } from "./source.ts";

/**
 * Reads a file of parameters by its suffix: YAML, JSON, TOML or Python; anything else is read as YAML.
 * `shown` is the path in messages. Undefined when there is no such file.
 * @throws {FormatError} `unable to read: '…', … file structure is corrupted`.
 */
export function readParamsFile(path: OsPath, source: FileSource, shown: string = basename(path)): unknown {
  const text = source.readText(path);
  return text === undefined ? undefined : parseParams(text, shown);
}
