import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkConfig, parseConfig, serializeConfig } from "../../packages/core/src/formats/config.ts";
import type { ConfigSections } from "../../packages/core/src/formats/config.ts";
import { parseDvcFile } from "../../packages/core/src/formats/dvcFile.ts";
import { IgnorePatterns } from "../../packages/core/src/formats/ignoreFile.ts";
import { parseLockfile } from "../../packages/core/src/formats/lockfile.ts";
import { parseProjectFile } from "../../packages/core/src/formats/projectFile.ts";
import { pyJsonDumps } from "../../packages/core/src/formats/pyJson.ts";
import { PyDate, PyFloat, isRecord, pyFloat } from "../../packages/core/src/formats/pyValues.ts";
import { dumpYaml, parseAnyYaml, parseYaml, updateYaml } from "../../packages/core/src/formats/yaml.ts";

// Recorded from DVC 3.67.1 by scripts/record-formats.py.
type Case = Readonly<Record<string, unknown>>;

function cases(name: string): Case[] {
  const file = new URL(`../fixtures/formats/${name}.jsonl`, import.meta.url);
  const lines = readFileSync(file, "utf8").trim().split("\n");
  expect(lines.length).toBeGreaterThan(40);
  return lines.map((line) => JSON.parse(line) as Case);
}

function isReadable(text: string): boolean {
  try {
    parseYaml(text, "x");
    return true;
  } catch {
    return false;
  }
}

/** The value behind its recorded form; mappings become Maps, or objects when `plain`. */
function decode(value: unknown, plain: boolean): unknown {
  if (Array.isArray(value)) return value.map((one) => decode(one, plain));
  if (!isRecord(value)) return value;
  if (typeof value["$i"] === "string") {
    const number = Number(value["$i"]);
    return Number.isSafeInteger(number) ? number : BigInt(value["$i"]);
  }
  if (typeof value["$f"] === "string") return pyFloat(Number(value["$f"].replace("inf", "Infinity")));
  if (typeof value["$d"] === "string") return new PyDate(value["$d"]);
  const entries = (value["$m"] as [unknown, unknown][]).map(([key, one]): [string, unknown] => [
    decode(key, plain) as string,
    decode(one, plain),
  ]);
  return plain ? Object.fromEntries(entries) : new Map(entries);
}

/** A form in which 1 and 1.0 differ and the order of keys does not count. */
function comparable(value: unknown): unknown {
  if (value instanceof PyFloat) return `float ${String(value)}`;
  if (typeof value === "bigint") return `int ${String(value)}`;
  if (value instanceof PyDate) return `date ${value.text}`;
  if (Array.isArray(value)) return value.map(comparable);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, comparable(one)]));
}

function messageOf(work: () => unknown): string {
  try {
    work();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

describe("YAML", () => {
  test("is written byte by byte as DVC writes it", () => {
    for (const one of cases("dump")) expect(dumpYaml(decode(one["value"], false))).toBe(one["text"]);
  });

  test("is read as DVC reads it, by the short cut and by the full reader", () => {
    for (const one of cases("dump")) {
      const text = one["text"] as string;
      const wanted = comparable(decode(one["back"], true));
      expect(comparable(parseYaml(text, "x")), text).toEqual(wanted);
      expect(comparable(parseAnyYaml(text)), text).toEqual(wanted);
    }
  });

  test("is updated byte by byte as DVC updates it: comments, order, quotes, flow style", () => {
    // DVC writes six of them so that neither it nor we can read them again.
    const refused: unknown[] = [];
    for (const one of cases("update")) {
      const previous = one["previous"] as string;
      const update = (): string => updateYaml(previous, decode(one["value"], true), "x");
      if (isReadable(one["text"] as string)) expect(update(), previous).toBe(one["text"]);
      else refused.push(expect(update, previous).toThrow("cannot be kept"));
    }
    expect(refused.length).toBe(6);
  });
});

test("broken files give DVC's messages", () => {
  const readers: Record<string, (text: string, file: string) => unknown> = {
    dvc: parseDvcFile,
    yaml: parseProjectFile,
    lock: parseLockfile,
  };
  for (const one of cases("errors")) {
    const text = one["text"] as string;
    expect(
      messageOf(() => readers[one["kind"] as string]?.(text, "./f")),
      JSON.stringify(text),
    ).toBe(one["message"]);
  }
});

describe("config", () => {
  test("is read as DVC reads it", () => {
    for (const one of cases("config-read")) {
      const text = one["text"] as string;
      if (one["error"] === undefined) expect(parseConfig(text, "config"), text).toEqual(one["value"]);
      else expect(messageOf(() => parseConfig(text, "config"))).toBe(one["error"]);
    }
  });

  test("is written byte by byte as DVC writes it", () => {
    for (const one of cases("config-write")) {
      const write = (): string => serializeConfig(one["value"] as ConfigSections);
      if (one["error"] === undefined) expect(write()).toBe(one["text"]);
      else expect(messageOf(write)).toBe(one["error"]);
    }
  });

  test("is checked with DVC's messages", () => {
    for (const one of cases("config-check")) {
      const sections = one["value"] as ConfigSections;
      expect(
        messageOf(() => {
          checkConfig(sections);
        }),
        JSON.stringify(sections),
      ).toBe(one["error"]);
    }
  });
});

test("ignore rules match as in DVC", () => {
  for (const one of cases("ignore")) {
    const match = new IgnorePatterns(one["text"] as string, "x").match(one["path"] as string, one["isDir"] as boolean);
    expect({ ignored: match?.ignored ?? false, matched: match !== undefined }, JSON.stringify(one)).toEqual({
      ignored: one["ignored"],
      matched: one["matched"],
    });
  }
});

test("JSON is written as Python writes it", () => {
  for (const one of cases("json")) {
    const value = decode(one["value"], false);
    expect(pyJsonDumps(value)).toBe(one["text"]);
    expect(pyJsonDumps(value, { sortKeys: true })).toBe(one["sorted"]);
    expect(pyJsonDumps(value, { indent: 2 })).toBe(one["indented"]);
  }
});
