/**
 * Trains the classifier on the intermediate data and writes `model.json` and `metrics.json`.
 *
 *     npm run train                 (node ts.mjs src/train.ts data)
 *
 * The accuracy it prints is measured on pictures that training never saw.
 */
import { writeFileSync } from "node:fs";
import { readFeatures } from "./features.ts";
import { accuracy, train } from "./model.ts";

const SETTINGS = { seed: 20, epochs: 20, batch: 16, rate: 0.05, decay: 1e-4 };

const { train: learnFrom, test } = readFeatures(process.argv[2] ?? "data");
const model = train(learnFrom, 10, SETTINGS);
const metrics = {
  images: learnFrom.length + test.length,
  trained_on: learnFrom.length,
  held_out: test.length,
  accuracy: Number(accuracy(model, test).toFixed(4)),
  accuracy_on_training: Number(accuracy(model, learnFrom).toFixed(4)),
};
writeFileSync("model.json", JSON.stringify(model) + "\n");
writeFileSync("metrics.json", JSON.stringify(metrics, null, 2) + "\n");
console.log(
  `trained on ${metrics.trained_on} images; ${(metrics.accuracy * 100).toFixed(2)} % of ${metrics.held_out} held-out images right`,
);
