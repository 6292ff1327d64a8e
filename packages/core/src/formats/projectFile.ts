import { PROJECT } from "./fileSchemas.ts";
import { validateYaml } from "./validation.ts";
import { parseYaml } from "./yaml.ts";

/** `dvc.yaml` as written: templates unresolved, keys in the order of the file. */
export interface ProjectFile {
  readonly stages?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly vars?: readonly (string | Readonly<Record<string, unknown>>)[];
  readonly params?: readonly string[];
  readonly metrics?: readonly string[];
  readonly plots?: readonly (string | Readonly<Record<string, unknown>>)[];
  readonly artifacts?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly datasets?: unknown;
}

/**
 * Reads a `dvc.yaml`. To change one, give the changed value to `updateYaml`.
 * @param file as messages show it, e.g. `./dvc.yaml`.
 * @throws {FormatError} for bad syntax or schema, in DVC's words.
 */
export function parseProjectFile(text: string, file: string): ProjectFile {
  const value = parseYaml(text, file);
  validateYaml(value, PROJECT, text, file);
  return value as ProjectFile;
}
