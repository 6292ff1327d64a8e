import { PROJECT } from "./fileSchemas.ts";
import { isRecord, pyStr } from "./pyValues.ts";
import type { SchemaError } from "./schema.ts";
import { validateYaml } from "./validation.ts";
import { parseYaml } from "./yaml.ts";
import { parseNodes } from "./yamlNodes.ts";
import { plainKind, plainValue } from "./yamlValues.ts";

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
  validateYaml(value, (found, path) => [...PROJECT(found, path), ...unquotedNames(found, text)], text, file);
  return value as ProjectFile;
}

/** Names of stages and artifacts that are numbers, dates, true, false or null without quotes: no text, in DVC. */
function unquotedNames(value: unknown, text: string): SchemaError[] {
  if (!isRecord(value)) return [];
  const sections = ["stages", "artifacts"].filter((section) => {
    const names = value[section];
    return isRecord(names) && Object.keys(names).some((name) => /^(?:[-+.\d]|true$|false$|none$)/i.test(name));
  });
  if (sections.length === 0) return [];
  const { root } = parseNodes(text, false);
  if (root?.kind !== "mapping") return [];
  return root.pairs.flatMap(({ key: section, value: names }) => {
    if (section.kind !== "scalar" || !sections.includes(section.value) || names.kind !== "mapping") return [];
    return names.pairs.flatMap(({ key }) =>
      key.kind === "scalar" && key.style === "" && plainKind(key.value) !== "str"
        ? [{ message: "expected str", path: [section.value, pyStr(plainValue(key.value))], isValue: false }]
        : [],
    );
  });
}
