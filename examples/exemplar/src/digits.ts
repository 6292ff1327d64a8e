/**
 * Unpacks the first COUNT handwritten digits of `dataset/` as real picture files.
 *
 *     npm run digits -- 1000        data/data.csv and data/images/0000.png … data/images/0999.png
 *
 * Files that are already there and right are left alone, so that going from 1,000 to 1,797 only adds.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { formatCsv } from "./csv.ts";
import { encodePng } from "./png.ts";

const SIDE = 8;
/** Ink in the source is counted from 0 to this. */
const FULL = 16;

const folder = process.argv[2] ?? "data";
const wanted = Number(process.argv[3] ?? 1000);

const lines = gunzipSync(readFileSync("dataset/digits.csv.gz")).toString("utf8").trim().split("\n");
if (!Number.isInteger(wanted) || wanted < 100 || wanted > lines.length) {
  throw new Error(`give a number of images from 100 to ${lines.length}`);
}

mkdirSync(join(folder, "images"), { recursive: true });
let written = 0;
const rows = lines.slice(0, wanted).map((line, index) => {
  const cells = line.split(",").map(Number);
  const file = `images/${String(index).padStart(4, "0")}.png`;
  const pixels = Uint8Array.from(cells.slice(0, SIDE * SIDE), (ink) => Math.round((ink * 255) / FULL));
  const png = encodePng({ width: SIDE, height: SIDE, pixels });
  const path = join(folder, file);
  if (!existsSync(path) || !readFileSync(path).equals(png)) {
    writeFileSync(path, png);
    written++;
  }
  return [file, String(cells[SIDE * SIDE])];
});
writeFileSync(join(folder, "data.csv"), formatCsv({ columns: ["file", "label"], rows }));
console.log(`${folder}: ${rows.length} images, ${written} of them new, and data.csv with their labels`);
