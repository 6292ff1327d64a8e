// Writes down what real DVC does in each scenario: node scripts/record-conformance.mjs --dvc PATH [--only WORD]
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { play } from "../tests/conformance/play.mjs";
import { scenarios } from "../tests/conformance/scenarios.mjs";

const VERSION = "3.67.1";
const { values: flags } = parseArgs({ options: { dvc: { type: "string" }, only: { type: "string" } } });
if (flags.dvc === undefined) throw new Error("--dvc PATH of the real dvc program");
const dvc = resolve(flags.dvc);
const version = spawnSync(dvc, ["--version"], { encoding: "utf8" }).stdout.trim();
if (version !== VERSION) throw new Error(`${dvc} is ${version}; the reference is ${VERSION}`);

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), "tests", "conformance", "recorded");
mkdirSync(folder, { recursive: true });
const waiting = scenarios.filter((one) => flags.only === undefined || one.id.includes(flags.only));
await Promise.all([1, 2].map(recordNext));

async function recordNext() {
  for (let scenario = waiting.shift(); scenario !== undefined; scenario = waiting.shift()) {
    const steps = await play(scenario, () => dvc);
    const record = { dvc: VERSION, madeBy: "scripts/record-conformance.mjs", steps };
    writeFileSync(join(folder, `${scenario.id}.json`), JSON.stringify(record, null, 1) + "\n");
    console.log(scenario.id);
  }
}
