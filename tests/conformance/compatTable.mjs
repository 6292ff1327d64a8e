// docs/compat.md as data: which scenarios prove a feature, and which differences are meant.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const page = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "docs", "compat.md");

/** @returns {{features: {number: number, capability: string, state: string, scenarios: string[]}[], known: {scenario: string, where: string, reason: string}[]}} */
export function readCompatTable() {
  const text = readFileSync(page, "utf8");
  const features = rows(text, "## Features").map(([number = "", capability = "", state = "", scenarios = ""]) => ({
    number: Number(number),
    capability,
    state: state.split(/[:,]/)[0] ?? "",
    scenarios: [...scenarios.matchAll(/`([\w-]+)`/g)].map((match) => match[1] ?? ""),
  }));
  const known = rows(text, "## Known differences").map(([where = "", , reason = ""]) => {
    const [scenario = "", aspect = ""] = where.replaceAll("`", "").split(" ");
    return { scenario, where: aspect, reason };
  });
  return { features, known };
}

/** Whether `entry` is about a difference found at `where`; `*` at its end stands for anything. */
export function covers(entry, where) {
  return entry.where.endsWith("*") ? where.startsWith(entry.where.slice(0, -1)) : where === entry.where;
}

function rows(text, heading) {
  const from = text.indexOf(`${heading}\n`);
  if (from < 0) throw new Error(`docs/compat.md has no "${heading}"`);
  const section = text.slice(from + heading.length).split(/\n## /)[0] ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
