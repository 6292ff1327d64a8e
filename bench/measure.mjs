// Runs one command as a whole process and says how long it took and how much memory its largest process held.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";

const GNU_TIME = "/usr/bin/time";
const hasGnuTime =
  existsSync(GNU_TIME) &&
  /GNU/.test(
    spawnSync(GNU_TIME, ["--version"], { encoding: "utf8" }).stdout +
      spawnSync(GNU_TIME, ["--version"], { encoding: "utf8" }).stderr,
  );
let serial = 0;

/**
 * @param {string[]} argv
 * @param {{cwd: string, env: Record<string, string | undefined>}} options
 * @returns {Promise<{seconds: number, peakBytes: number, exitCode: number, output: string}>} Peak resident memory of the largest
 *   process of the tree, in bytes; 0 where this machine cannot tell.
 */
export async function measure(argv, { cwd, env }) {
  const record = join(tmpdir(), `bench-time-${process.pid}-${serial++}`);
  const full = hasGnuTime ? [GNU_TIME, "-f", "%M", "-o", record, ...argv] : argv;
  const start = process.hrtime.bigint();
  const child = spawn(full[0], full.slice(1), { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const poll = hasGnuTime ? undefined : pollMemory(child.pid);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (text) => (output = (output + text).slice(-4000)));
  const exitCode = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 255));
  });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  let peakBytes = poll?.stop() ?? 0;
  if (hasGnuTime) {
    peakBytes = Number(readFileSync(record, "utf8").trim().split("\n").at(-1)) * 1024;
    rmSync(record, { force: true });
  }
  return { seconds, peakBytes, exitCode, output };
}

/** Without GNU time: watches VmHWM of the process and of its children every 10 ms. */
function pollMemory(pid) {
  let peak = 0;
  const timer = setInterval(() => {
    for (const one of [pid, ...childrenOf(pid)]) peak = Math.max(peak, highWater(one));
  }, 10);
  return {
    stop: () => {
      clearInterval(timer);
      return peak;
    },
  };
}

function childrenOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return []; // Gone, or not Linux.
  }
}

function highWater(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Middle value; of an even number the lower of the two in the middle. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1];
}
