/**
 * The `evaluate` stage of the pipeline: asks the model about the held-out rows of FEATURES and writes how many it got right, and
 * for each of them which digit it shows and which one the model saw.
 *
 *     node ts.mjs src/report.ts FEATURES MODEL METRICS CONFUSION
 */
import { readFileSync, writeFileSync } from "node:fs";
import { formatCsv } from "./csv.ts";
import { readFeaturesFile } from "./features.ts";
import { accuracy, type Model, predict } from "./model.ts";

const [features, modelFile, metricsFile, confusionFile] = process.argv.slice(2);
if (features === undefined || modelFile === undefined || metricsFile === undefined || confusionFile === undefined) {
  throw new Error("usage: node ts.mjs src/report.ts FEATURES MODEL METRICS CONFUSION");
}

const { train, test } = readFeaturesFile(features);
const model = JSON.parse(readFileSync(modelFile, "utf8")) as Model;
const metrics = {
  images: train.length + test.length,
  held_out: test.length,
  accuracy: Number(accuracy(model, test).toFixed(4)),
  accuracy_on_training: Number(accuracy(model, train).toFixed(4)),
};
const rows = test.map((sample) => [String(sample.label), String(predict(model, sample.pixels))]);
writeFileSync(metricsFile, JSON.stringify(metrics, null, 2) + "\n");
writeFileSync(confusionFile, formatCsv({ columns: ["actual", "predicted"], rows }));
console.log(`${(metrics.accuracy * 100).toFixed(2)} % of ${metrics.held_out} held-out images right`);
