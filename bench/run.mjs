/**
 * Measures Holdfast beside real DVC, as whole processes: `npm run bench -- --dvc PATH`.
 *
 *   --dvc PATH      the dvc program (3.67.1); left out: Holdfast alone
 *   --only WORDS    flows or cases whose name contains one of these words, separated by commas
 *   --rounds N      default 3; the median is told
 *   --scale X       default 1: the sizes of the goals; 0.1 for a quick look
 *   --dir DIR       where the folders are made (some 25 GB at full scale), default the system's temporary folder
 *   --with FILES    results of earlier runs, separated by commas: their cases stand where this run has none (a long run in parts)
 *   --json FILE     default bench/results/<time>.json
 *   --write-docs    also put the table into docs/benchmarks.md
 *
 * In each round every tool gets a new repository; the tools take turns step by step, and who goes first alternates. Nothing is
 * deleted before the end, because creating files right after deleting as many is slow on ext4. `sync` runs before each measurement.
 * NODE_EXTRA_CA_CERTS is unset: it costs Node 20 some 47 ms a start, whatever runs.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { flows } from "./flows.mjs";
import { measure, median } from "./measure.mjs";
import { KEYS, startS3 } from "./s3Server.mjs";
import { startServer } from "./servers.mjs";
import { markdownTable, writeDocs } from "./table.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: flags } = parseArgs({
  options: {
    dvc: { type: "string" },
    only: { type: "string" },
    rounds: { type: "string" },
    scale: { type: "string", default: "1" },
    dir: { type: "string", default: tmpdir() },
    with: { type: "string" },
    json: { type: "string" },
    "write-docs": { type: "boolean", default: false },
  },
});

const binary = join(root, "packages", "cli", "bin", "holdfast.js");
if (!existsSync(binary)) fail(`${binary} is missing: npm run build`);
const tools = [{ name: "holdfast", argv: [process.execPath, binary] }];
if (flags.dvc !== undefined) tools.push({ name: "dvc", argv: [findProgram(flags.dvc)] });

const work = mkdtempSync(join(resolve(flags.dir), "holdfast-bench-"));
let serial = 0;
const chosen = choose(flows(Number(flags.scale)), flags.only?.split(","));
const samples = new Map();
const begun = new Date().toISOString();
const file = resolve(flags.json ?? join(root, "bench", "results", `${begun.replace(/[:.]/g, "-")}.json`));
const servers = new Map();
try {
  for (const name of new Set(chosen.map((flow) => flow.needs))) {
    if (name === undefined) continue;
    const server = name === "s3" ? await startS3(join(work, "s3")) : await startServer(name);
    if (server !== undefined) servers.set(name, server);
    else
      console.error(`no server for ${name}: its cases are left out (node scripts/setup-test-servers.mjs sets it up)`);
  }
  for (const flow of chosen) {
    if (flow.needs !== undefined && !servers.has(flow.needs)) continue;
    const rounds = Number(flags.rounds ?? flow.rounds ?? 3);
    for (let round = 0; round < rounds; round++) await playRound(flow, round);
    // A long run that is cut off keeps what it has measured.
    save();
  }
} finally {
  for (const server of servers.values()) await server.close();
  rmSync(work, { recursive: true, force: true });
}

const report = save();
const table = markdownTable(report);
console.log(`\n${table}\nwritten to ${file}`);
if (flags["write-docs"]) writeDocs(join(root, "docs", "benchmarks.md"), report, table);
if (report.cases.some((one) => one.failed.length > 0)) process.exitCode = 1;

/** Writes what was measured so far. */
function save() {
  const cases = withEarlier([...samples.values()].map(summarise));
  const report = { ...describeMachine(), scale: Number(flags.scale), cases };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(report, null, 2) + "\n");
  return report;
}

/** One flow by every tool, step by step side by side. */
async function playRound(flow, round) {
  const players = (round % 2 === 0 ? tools : [...tools].reverse())
    .filter((tool) => !flow.onlyOurs || tool.name === "holdfast")
    .map((tool) => ({ tool, context: newContext(flow, round, tool) }));
  for (const step of flow.steps) {
    if (step.case !== undefined && round === 0) console.error(`${flow.name}: ${step.label}`);
    if (step.limits !== undefined) await measureLimits(step, players[0].context);
    for (const { tool, context } of players) {
      if (context.broken && step.case === undefined) continue;
      await playStep(step, tool, context);
    }
  }
  // A few large files: unlike many small ones, they cost nothing to delete, and much to keep.
  if (flow.isBulky) for (const { context } of players) rmSync(context.home, { recursive: true, force: true });
}

function newContext(flow, round, tool) {
  const home = join(work, `${flow.name}-${round}-${tool.name}`);
  mkdirSync(home, { recursive: true });
  return {
    dir: join(home, "repo"),
    home,
    s3: servers.get("s3"),
    server: servers.get(flow.needs),
    bucketPath: `${flow.name}/${round}/${tool.name}`,
    get n() {
      return serial++;
    },
  };
}

async function playStep(step, tool, context) {
  if (step.do !== undefined) return step.do(context);
  if (step.runs !== undefined) {
    for (const run of step.runs(context)) await playStep({ run }, tool, context);
    return;
  }
  const args = typeof step.run === "function" ? step.run(context) : step.run;
  if (step.case !== undefined) spawnSync("sync");
  const got = await measure([...tool.argv, ...args], { cwd: context.dir, env: environment(context) });
  if (step.case !== undefined) record(step, tool.name, got);
  if (got.exitCode !== 0) console.error(`${tool.name} ${args.join(" ")}: exit code ${got.exitCode}\n${got.output}`);
}

/** What the bare tools of the system need for the same bytes: nobody who copies or hashes can beat them by much. */
async function measureLimits(step, context) {
  for (const [name, command] of Object.entries(step.limits)) {
    const argv = typeof command === "function" ? command(context) : command;
    // A tool that is not on this machine.
    if (argv === undefined) continue;
    spawnSync("sync");
    record(step, name, await measure(argv, { cwd: context.dir, env: environment(context) }));
  }
}

function record(step, who, got) {
  if (!samples.has(step.case)) samples.set(step.case, { step, by: {} });
  const { by } = samples.get(step.case);
  (by[who] ??= []).push({ seconds: got.seconds, peakBytes: got.peakBytes, exitCode: got.exitCode });
}

function environment(context) {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env;
  const at = (name) => join(context.home, name);
  return {
    ...rest,
    ...KEYS,
    HOME: context.home,
    ...context.server?.env,
    GIT_CONFIG_GLOBAL: "/dev/null",
    DVC_NO_ANALYTICS: "1",
    DVC_SITE_CACHE_DIR: at("site"),
    DVC_GLOBAL_CONFIG_DIR: at("global"),
    DVC_SYSTEM_CONFIG_DIR: at("system"),
  };
}

function summarise({ step, by }) {
  const who = Object.fromEntries(
    Object.entries(by).map(([name, all]) => [
      name,
      {
        seconds: median(all.map((one) => one.seconds)),
        peakBytes: Math.max(...all.map((one) => one.peakBytes)),
        rounds: all,
      },
    ]),
  );
  const failed = Object.entries(by)
    .filter(([, all]) => all.some((one) => one.exitCode !== 0))
    .map(([name]) => name);
  return {
    id: step.case,
    label: step.label,
    atLeast: step.atLeast,
    within: step.within,
    under: step.under,
    memory: step.memory,
    by: who,
    failed,
  };
}

/** The cases of this run and those of the runs named by `--with`, the newest of each, in the order of the flows. */
function withEarlier(cases) {
  const found = new Map();
  for (const name of flags.with?.split(",") ?? [])
    for (const one of JSON.parse(readFileSync(name, "utf8")).cases) found.set(one.id, one);
  for (const one of cases) found.set(one.id, one);
  const order = flows(Number(flags.scale)).flatMap(({ steps }) => steps.flatMap((step) => step.case ?? []));
  return [...found.values()].sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
}

function choose(all, words) {
  if (words === undefined) return all.filter((flow) => !flow.onlyWhenNamed);
  // `s3` is the flow of that name, not `big-s3` as well.
  const names = new Set(all.map(({ name }) => name));
  const wanted = (name) => words.some((word) => (names.has(word) ? name === word : name.includes(word)));
  // A case needs the steps before it, so that the flow is cut after the last wanted case; cases before it are told as well.
  return all
    .map((flow) =>
      wanted(flow.name)
        ? flow
        : {
            ...flow,
            steps: flow.steps.slice(
              0,
              1 + flow.steps.findLastIndex((step) => step.case !== undefined && wanted(step.case)),
            ),
          },
    )
    .filter((flow) => flow.steps.length > 0);
}

function describeMachine() {
  const version = (argv) =>
    spawnSync(argv[0], [...argv.slice(1), "--version"], { encoding: "utf8" })
      .stdout?.trim()
      .split("\n")[0];
  return {
    when: begun,
    machine: `${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown CPU"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}`,
    node: process.versions.node,
    versions: Object.fromEntries(tools.map((tool) => [tool.name, version(tool.argv)])),
  };
}

function findProgram(name) {
  if (name.includes("/")) return resolve(name);
  const found = (process.env.PATH ?? "")
    .split(":")
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
  if (found === undefined) fail(`no '${name}' on the path: --dvc PATH`);
  return found;
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
