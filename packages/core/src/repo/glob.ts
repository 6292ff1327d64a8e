import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import picomatch from "picomatch";
import { DvcError } from "../base/errors.ts";
import type { Repo } from "./repo.ts";

/** Most entries that one pattern may look at. */
const MAX_ENTRIES = 2_000_000;

/**
 * Expands shell-style patterns against the working folder, as Python's `glob` with `**` does: names that begin with a
 * dot need an explicit dot. The order is that of the patterns, then of the names.
 * @throws {DvcError} when nothing matches at all.
 */
export function expandGlobs(repo: Repo, patterns: readonly string[]): string[] {
  const found = patterns.flatMap((pattern) => expandGlob(repo.env.cwd, pattern));
  if (found.length === 0) {
    throw new DvcError(`Glob [${patterns.map((one) => `'${one}'`).join(", ")}] has no matches.`, { code: "not-found" });
  }
  return found;
}

/** The paths that match one pattern, spelt as the pattern is (relative stays relative). */
export function expandGlob(cwd: string, pattern: string): string[] {
  const scan = picomatch.scan(pattern);
  if (!scan.isGlob) return existsSync(resolve(cwd, pattern)) ? [pattern] : [];
  const matches = picomatch(scan.glob, { dot: false, nobrace: true, noextglob: true });
  const maxDepth = scan.glob.includes("**") ? Infinity : scan.glob.split("/").length;
  const base = scan.base === "." ? "" : scan.base;
  const found: string[] = [];
  walk(resolve(cwd, base), "", 1, maxDepth, (rel) => {
    if (matches(rel)) found.push(base === "" ? rel : join(base, rel));
  });
  return found;
}

function walk(
  folder: string,
  prefix: string,
  depth: number,
  maxDepth: number,
  visit: (rel: string) => void,
  count = { entries: 0 },
): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (++count.entries > MAX_ENTRIES) throw new DvcError("the pattern matches too many files to look at");
    const rel = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    visit(rel);
    if (entry.isDirectory() && depth < maxDepth && !entry.name.startsWith(".")) {
      walk(join(folder, entry.name), rel, depth + 1, maxDepth, visit, count);
    }
  }
}
