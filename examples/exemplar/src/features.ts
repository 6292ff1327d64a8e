import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseCsv } from "./csv.ts";
import type { Sample } from "./model.ts";

/** The rows that `preprocessing.ts` wrote, parted as it parted them. */
export function readFeatures(folder: string): { train: Sample[]; test: Sample[] } {
  return readFeaturesFile(join(folder, "features.csv"));
}

/** The same, of a file with any name. */
export function readFeaturesFile(path: string): { train: Sample[]; test: Sample[] } {
  const parts = { train: [] as Sample[], test: [] as Sample[] };
  for (const [, label, part, ...pixels] of parseCsv(readFileSync(path, "utf8"), path).rows) {
    parts[part === "test" ? "test" : "train"].push({ label: Number(label), pixels: pixels.map(Number) });
  }
  return parts;
}
