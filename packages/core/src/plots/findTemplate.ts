import { realpathSync, statSync } from "node:fs";
import { isAbsolute, join, parse, resolve } from "node:path";
import { UnsafePathError } from "../base/errors.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import { readPlainText } from "../fs/atomic.ts";
import type { Repo } from "../repo/repo.ts";
import { TemplateError } from "./problem.ts";
import { type Template, templates } from "./templates.ts";

const DEFAULT = "linear";

/** Larger templates are refused, in characters. */
const MAX_SIZE = 4 * 1024 * 1024;

/** Deeper ones are refused: whoever walks them would run out of stack. */
const MAX_DEPTH = 500;

/** A template with the name that messages call it. */
export interface NamedTemplate {
  readonly name: string;
  readonly content: Template;
}

/** Our own template for plots that name none. */
export function defaultTemplate(): NamedTemplate {
  return { name: DEFAULT, content: templates.get(DEFAULT) ?? {} };
}

/**
 * Finds a template: in `.dvc/plots` (with or without `.json`), as a file seen from the working folder, or one of ours.
 * @param name undefined for the default
 * @param isTrusted whether a person typed the name; one from a file may not lead out of the project
 * @throws {TemplateError} when there is none or it is no JSON, {UnsafePathError}
 */
export function findTemplate(repo: Repo, name: string | undefined, isTrusted: boolean): NamedTemplate {
  const wanted = name ?? DEFAULT;
  const file = fileOf(repo, wanted);
  if (file === undefined) {
    const content = templates.get(wanted);
    if (content === undefined) throw new TemplateError(`Template '${wanted}' not found.`);
    return { name: wanted, content };
  }
  if (!isTrusted && !isInside(realpathSync(repo.root), realpathSync(file))) {
    throw new UnsafePathError(`template '${wanted}' lies outside of the project`, {
      hint: "Name it on the command line with --template if you trust it.",
    });
  }
  return { name: wanted, content: parseTemplate(readPlainText(file) ?? "", wanted) };
}

function fileOf(repo: Repo, name: string): OsPath | undefined {
  const own = join(repo.dvcDir, "plots", name);
  const { dir, name: stem } = parse(own);
  const candidates = [
    ...(repo.isInitialized && !isAbsolute(name) ? [own, join(dir, `${stem}.json`)] : []),
    resolve(repo.env.cwd, name),
  ];
  return candidates.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

function parseTemplate(text: string, name: string): Template {
  if (text.length > MAX_SIZE) throw new TemplateError(`Template '${name}' is too large.`);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new TemplateError(`Template '${name}' is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new TemplateError(`Template '${name}' is no JSON object.`);
  }
  if (isDeep(content, MAX_DEPTH)) throw new TemplateError(`Template '${name}' is nested too deeply.`);
  return content as Template;
}

function isDeep(value: unknown, left: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return left === 0 || Object.values(value).some((one) => isDeep(one, left - 1));
}
