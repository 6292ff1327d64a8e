import { readFileSync, statSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";

/** A section of an AWS file. A nested block (`s3 =` and indented lines) has its lines under `s3.name`. */
export type AwsSection = Readonly<Record<string, string>>;

/** Larger files are no AWS configuration. */
const MAX_BYTES = 4 << 20;

/**
 * Sections of `~/.aws/config` or `~/.aws/credentials`, by the name of the profile (`default`, `work`) or, for the others,
 * by their whole heading (`services x`, `sso-session y`). An absent file has none.
 */
export function readAwsFile(path: OsPath): Map<string, AwsSection> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true || found.size > MAX_BYTES) return new Map();
  return parseAwsFile(readFileSync(path, "utf8"));
}

/** As {@link readAwsFile}, of text. */
export function parseAwsFile(text: string): Map<string, AwsSection> {
  const sections = new Map<string, Record<string, string>>();
  let section: Record<string, string> | undefined;
  let block = "";
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const heading = /^\[\s*(.*?)\s*\]/.exec(line)?.[1];
    if (heading !== undefined) {
      section = sectionOf(sections, heading.replace(/^profile\s+/, "").replace(/^["'](.*)["']$/, "$1"));
      block = "";
      continue;
    }
    const match = /^(\s*)([^=]+?)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null || section === undefined) continue;
    const [, indent, rawName, value] = match as unknown as [string, string, string, string];
    const name = rawName.toLowerCase();
    if (indent !== "" && block !== "") section[`${block}.${name}`] = value;
    else {
      block = value === "" ? name : "";
      section[name] = value.replace(/\s+[#;].*$/, "");
    }
  }
  return sections;
}

function sectionOf(sections: Map<string, Record<string, string>>, name: string): Record<string, string> {
  const known = sections.get(name);
  if (known !== undefined) return known;
  const made: Record<string, string> = {};
  sections.set(name, made);
  return made;
}
