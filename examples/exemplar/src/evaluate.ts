/**
 * Asks the model that is here now about the held-out pictures that are here now. Trains nothing, writes nothing.
 *
 *     npm run evaluate              (node ts.mjs src/evaluate.ts data)
 */
import { readFileSync } from "node:fs";
import { readFeatures } from "./features.ts";
import { accuracy, type Model } from "./model.ts";

const { test } = readFeatures(process.argv[2] ?? "data");
const model = JSON.parse(readFileSync("model.json", "utf8")) as Model;
console.log(`${(accuracy(model, test) * 100).toFixed(2)} % of ${test.length} held-out images right`);
