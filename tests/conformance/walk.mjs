// Plays random scenarios by live DVC and by us, and makes those that differ as short as they can be.
import { differences } from "./compare.mjs";
import { play } from "./play.mjs";
import { walkScenario } from "./walkSteps.mjs";

/**
 * @param {{dvc: string, us: string, walks: number, length: number, seed: number}} options
 * @returns {Promise<{passed: number, failed: number}>}
 */
export async function walk({ dvc, us, walks, length, seed }) {
  const counts = { passed: 0, failed: 0 };
  for (let n = 0; n < walks; n++) {
    // Every third walk is walked in turns.
    const turns = n % 3 === 2;
    const toolFor = turns ? (index) => (index % 2 === 0 ? dvc : us) : () => us;
    const differs = async (scenario) =>
      differences(scenario, await play(scenario, () => dvc), await play(scenario, toolFor));
    const scenario = walkScenario(seed + n, length, turns);
    const found = await differs(scenario);
    counts[found.length === 0 ? "passed" : "failed"]++;
    console.log(`${found.length === 0 ? "ok  " : "FAIL"} ${scenario.id}${turns ? ", in turns" : ""}`);
    if (found.length > 0) await explain(scenario, found, differs);
  }
  return counts;
}

async function explain(scenario, found, differs) {
  const { steps, left } = await shorten(scenario, found, differs);
  for (const step of steps) console.log(`     ${JSON.stringify(step)}`);
  for (const one of left)
    console.log(
      `     ${one.where} of \`${one.command}\`\n       DVC: ${JSON.stringify(one.expected)}\n       got: ${JSON.stringify(one.actual)}`,
    );
}

/** Leaves out what comes after the first difference, then every step without which one is left. */
async function shorten(scenario, found, differs) {
  const commands = scenario.steps.flatMap((step, at) => ((step.dvc ?? step.git) === undefined ? [] : [at]));
  const first = Math.min(...found.map(({ where }) => Number.parseInt(where, 10)));
  let steps = scenario.steps.slice(0, (commands[first - 1] ?? 0) + 1);
  let left = found.filter(({ where }) => Number.parseInt(where, 10) === first);
  for (let size = Math.ceil(steps.length / 4); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let at = steps.length - 1 - size; at >= 0; at -= size) {
      const fewer = steps.toSpliced(at, size);
      const still = await differs({ ...scenario, steps: fewer });
      if (still.length > 0) [steps, left] = [fewer, still];
    }
  return { steps, left };
}
