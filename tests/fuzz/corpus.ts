import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Inputs of a target that are kept: those that reached something new, and every one that found a fault. */
export function readCorpus(folder: string, target: string): Buffer[] {
  const own = join(folder, target);
  if (!existsSync(own)) return [];
  return readdirSync(own)
    .sort()
    .map((name) => readFileSync(join(own, name)));
}

/** Keeps an input under a name of its contents. @returns the file. */
export function keepInput(folder: string, target: string, input: Buffer): string {
  const own = join(folder, target);
  mkdirSync(own, { recursive: true });
  const file = join(own, createHash("sha1").update(input).digest("hex").slice(0, 12));
  writeFileSync(file, input);
  return file;
}
