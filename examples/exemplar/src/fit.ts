/**
 * The `train` stage of the pipeline: learns from the rows in FEATURES, writes the model and how it got better epoch by epoch.
 *
 *     node ts.mjs src/fit.ts FEATURES MODEL CURVE --seed 20 --epochs 40 --batch 16 --rate 0.05 --decay 0.0001
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { formatCsv } from "./csv.ts";
import { readFeaturesFile } from "./features.ts";
import { accuracy, type Model, type Settings, train } from "./model.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string" },
    epochs: { type: "string" },
    batch: { type: "string" },
    rate: { type: "string" },
    decay: { type: "string" },
  },
});
const [features, modelFile, curveFile] = positionals;
if (features === undefined || modelFile === undefined || curveFile === undefined) {
  throw new Error(
    "usage: node ts.mjs src/fit.ts FEATURES MODEL CURVE --seed N --epochs N --batch N --rate X --decay X",
  );
}

const number = (name: keyof typeof values): number => {
  const value = Number(values[name]);
  if (values[name] === undefined || !Number.isFinite(value)) throw new Error(`--${name}: a number is needed`);
  return value;
};
const settings: Settings = {
  seed: number("seed"),
  epochs: number("epochs"),
  batch: number("batch"),
  rate: number("rate"),
  decay: number("decay"),
};

const { train: learnFrom, test } = readFeaturesFile(features);
const rows: string[][] = [];
const model = train(learnFrom, 10, settings, (epoch: number, soFar: Model) => {
  rows.push([String(epoch), accuracy(soFar, learnFrom).toFixed(4), accuracy(soFar, test).toFixed(4)]);
});
writeFileSync(modelFile, JSON.stringify(model) + "\n");
writeFileSync(curveFile, formatCsv({ columns: ["epoch", "training", "held_out"], rows }));
console.log(`${modelFile}: trained on ${learnFrom.length} images for ${settings.epochs} epochs`);
