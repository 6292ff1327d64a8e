/**
 * The scenarios by live DVC, by us, and by both taking turns on the same repository (they write, we read; we write, they read).
 * All four must leave the same bytes, exit codes and output: npm run conformance -- --dvc PATH [--only WORD] [--bin PATH]
 * Afterwards both at once: [--rounds N], `--only beside` alone. Then random walks: [--walks N] [--length STEPS] [--seed N],
 * `--only walk` alone. At the end the same on real servers of every storage (tests/live), `--only stores` alone.
 */
import { spawnSync } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { beside } from "./beside.mjs";
import { differences } from "./compare.mjs";
import { covers, readCompatTable } from "./compatTable.mjs";
import { linkAsDvc, play } from "./play.mjs";
import { scenarios } from "./scenarios.mjs";
import { walk } from "./walk.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { values: flags } = parseArgs({
  options: {
    dvc: { type: "string" },
    only: { type: "string" },
    rounds: { type: "string", default: "3" },
    walks: { type: "string", default: "6" },
    length: { type: "string", default: "40" },
    seed: { type: "string", default: "20261127" },
    bin: { type: "string", default: join(root, "packages", "cli", "bin", "holdfast.js") },
  },
});
if (flags.dvc === undefined) throw new Error("--dvc PATH of the real dvc program, 3.67.1");
const dvc = resolve(flags.dvc);
console.log(`DVC ${spawnSync(dvc, ["--version"], { encoding: "utf8" }).stdout.trim()}`);

const us = linkAsDvc(resolve(flags.bin));
const ways = {
  "we do all": () => us.program,
  "DVC first, then turns": (index) => (index % 2 === 0 ? dvc : us.program),
  "we first, then turns": (index) => (index % 2 === 0 ? us.program : dvc),
};
const { known } = readCompatTable();
const counts = { passed: 0, failed: 0 };
try {
  for (const scenario of scenarios) {
    if (flags.only === undefined || scenario.id.includes(flags.only)) await compareAll(scenario);
  }
  if (flags.only === undefined || "beside".includes(flags.only))
    count(await beside({ dvc, us: us.program, rounds: Number(flags.rounds) }));
  if (flags.only === undefined || "walk".includes(flags.only)) {
    const [walks, length, seed] = [flags.walks, flags.length, flags.seed].map(Number);
    count(await walk({ dvc, us: us.program, walks, length, seed }));
  }
  if (flags.only === undefined || "stores".includes(flags.only)) {
    const words = [join(root, "scripts", "run-tests.mjs"), "tests/live"];
    const env = { ...process.env, HOLDFAST_LIVE_DVC: dvc };
    const isFine = spawnSync(process.execPath, words, { stdio: "inherit", env }).status === 0;
    counts[isFine ? "passed" : "failed"]++;
  }
} finally {
  us.close();
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 ? 0 : 1;

function count({ passed, failed }) {
  counts.passed += passed;
  counts.failed += failed;
}

async function compareAll(scenario) {
  const meant = known.filter((entry) => entry.scenario === scenario.id);
  const reference = await play(scenario, () => dvc);
  for (const [words, toolFor] of Object.entries(ways)) {
    // After a difference that is meant, what follows differs too: taking turns proves nothing there.
    if (meant.length > 0 && words !== "we do all") continue;
    const found = differences(scenario, reference, await play(scenario, toolFor)).filter(
      (one) => !meant.some((entry) => covers(entry, one.where)),
    );
    counts[found.length === 0 ? "passed" : "failed"]++;
    console.log(`${found.length === 0 ? "ok  " : "FAIL"} ${scenario.id}: ${words}`);
    for (const one of found)
      console.log(
        `     ${one.where} of \`${one.command}\`\n       DVC: ${JSON.stringify(one.expected)}\n       got: ${JSON.stringify(one.actual)}`,
      );
  }
}
