/**
 * Raw data to intermediate data: reads every picture that `data.csv` names and writes one row of numbers for each.
 *
 *     npm run preprocess            (node ts.mjs src/preprocessing.ts data/data.csv)
 *
 * A second argument names the file to write; without it that is features.csv beside the source.
 *
 * Each picture is also told here whether it is for training or held out. That hangs on its file name alone, so that a picture
 * held out in one version of the data is held out in every later one: no model is ever tested on what an earlier one learnt from.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { formatCsv, parseCsv } from "./csv.ts";
import { decodePng } from "./png.ts";

/** Out of 256: about one picture in five is held out. */
const HELD_OUT = 51;

const source = process.argv[2] ?? "data/data.csv";
const folder = dirname(source);

const table = parseCsv(readFileSync(source, "utf8"), source);
let heldOut = 0;
const rows = table.rows.map(([file = "", label = ""]) => {
  if (!/^images\/[\w.-]+\.png$/.test(file) || !/^\d$/.test(label))
    throw new Error(`${source}: odd row "${file},${label}"`);
  const image = decodePng(readFileSync(join(folder, file)), file);
  const test = createHash("md5").update(file).digest()[0]! < HELD_OUT;
  if (test) heldOut++;
  return [file, label, test ? "test" : "train", ...Array.from(image.pixels, (grey) => (grey / 255).toFixed(4))];
});

const pixels = rows[0] === undefined ? 0 : rows[0].length - 3;
const columns = ["file", "label", "part", ...Array.from({ length: pixels }, (_, index) => `p${index}`)];
const target = process.argv[3] ?? join(folder, "features.csv");
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, formatCsv({ columns, rows }));
console.log(`${target}: ${rows.length - heldOut} rows to train on, ${heldOut} held out`);
