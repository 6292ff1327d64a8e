// Runs every test with vitest and ends with one plain line, "N passed, N failed", taken from its JSON report.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const report = join(root, ".cache", "tests", "report.json");
mkdirSync(dirname(report), { recursive: true });
rmSync(report, { force: true });

const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const args = ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...process.argv.slice(2)];
const run = spawnSync(process.execPath, [vitest, ...args], { cwd: root, stdio: "inherit" });

let counts;
try {
  counts = JSON.parse(readFileSync(report, "utf8"));
} catch (error) {
  console.error(`no test report was written: ${error.message}`);
  process.exit(1);
}
// A file that fails to load has no tests of its own; it counts as one failure, or it would pass unseen.
const broken = counts.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
for (const file of broken) console.error(`could not be loaded: ${file.name}`);
const failed = counts.numFailedTests + broken.length;
const skipped = counts.numPendingTests + counts.numTodoTests;
console.log(`${counts.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(run.status === 0 && failed === 0 ? 0 : 1);
