// Runs the commands of a working day in a small project and keeps what V8 compiled for each, beside the program: a command then
// starts without parsing. One file a command, since code that is not called costs as much to read as code that is.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** The file of the words that have none of their own. */
export const OTHERS = "others";

/**
 * What is typed first -> command lines whose compiled code is kept for it, in the order of the day; what is longer counts first.
 * A function edits the project.
 */
const day = [
  [OTHERS, "init -q", "remote add -d store ../store", "config --list"],
  ["add", "add file folder", "add file folder", commit],
  ["repro", "repro", "repro", edit, "repro", commit],
  ["push", "push", "push"],
  ["fetch", "fetch"],
  ["pull", "pull --force", lose, "pull --force"],
  ["checkout", lose, "checkout", "checkout"],
  ["status", "status", edit, "status"],
  ["status -c", "status -c"],
  ["data", "data status"],
  ["diff", "diff", "diff HEAD"],
  ["dag", "dag"],
  ["stage", "stage list"],
  ["metrics", "metrics show", "metrics diff"],
  ["params", "params diff"],
  ["plots", "plots show", "plots diff"],
  ["gc", "gc -w --dry"],
  ["list", "list ."],
  [OTHERS, "add file folder", "status", "checkout"],
];

/** Names of the files that {@link compileAhead} makes, {@link OTHERS} apart: the first word or two of a command line. */
export const compiledLines = [...new Set(day.map(([name]) => name))].filter((name) => name !== OTHERS);

/** In the program's folder: compiled code is read only by the V8 that made it. */
export const COMPILED_FOLDER = "compiled";

/** @param {string} program the bundle; its compiled code comes into a folder beside it. */
export function compileAhead(program) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-build-"));
  const project = join(folder, "project");
  const to = join(dirname(program), COMPILED_FOLDER, `${process.versions.v8}-${process.arch}`);
  mkdirSync(to, { recursive: true });
  makeProject(project);
  const env = {
    ...process.env,
    HOME: folder,
    DVC_SITE_CACHE_DIR: join(folder, "site"),
    DVC_GLOBAL_CONFIG_DIR: folder,
    DVC_SYSTEM_CONFIG_DIR: folder,
    GIT_CONFIG_GLOBAL: join(folder, "none"),
  };
  for (const [name, ...steps] of day) {
    for (const step of steps) {
      if (typeof step === "function") step(project);
      else run(step, join(to, name));
    }
  }
  rmSync(folder, { recursive: true, force: true });

  /** Starts from what is compiled already and adds to it. */
  function run(line, file) {
    const words = [process.execPath, program, ...line.split(" ")];
    const done = spawnSync(process.execPath, ["-e", recorder], {
      cwd: project,
      env: { ...env, HOLDFAST_BUILD: JSON.stringify([file, ...words]) },
      encoding: "utf8",
    });
    if (done.status !== 0) console.warn(`holdfast ${line} failed while building: ${done.stderr}${done.stdout}`);
  }
}

const recorder = `
  const fs = require("node:fs"), vm = require("node:vm"), Module = require("node:module");
  const [to, ...words] = JSON.parse(process.env.HOLDFAST_BUILD);
  const file = words[1];
  process.argv = words;
  const cachedData = fs.existsSync(to) ? fs.readFileSync(to) : undefined;
  const script = new vm.Script(Module.wrap(fs.readFileSync(file, "latin1")), { filename: file, cachedData });
  process.on("exit", () => fs.writeFileSync(to, script.createCachedData()));
  script.runInThisContext()({}, Module.createRequire(file), {}, file, require("node:path").dirname(file));
`;

function makeProject(at) {
  mkdirSync(join(at, "folder", "inner"), { recursive: true });
  git(at, "init", "-q");
  writeFileSync(join(at, "file"), "contents");
  for (const name of ["one", "inner/two"]) writeFileSync(join(at, "folder", name), name);
  writeFileSync(join(at, "loss.csv"), "step,loss\n0,1\n1,0.5\n");
  writeFileSync(join(at, "metrics.json"), '{"loss": 0.5, "more": {"accuracy": 0.9}}');
  writeFileSync(join(at, "params.yaml"), "rate: 0.1\nmodel:\n  layers: [8, 8]\n");
  const stage = (name, rest) =>
    `  ${name}:\n    cmd: cp file ${name}.out\n    deps: [file]\n    outs: [${name}.out]\n${rest}`;
  writeFileSync(
    join(at, "dvc.yaml"),
    `stages:\n${stage("first", "    params: [rate]\n")}${stage("second", "")}` +
      "metrics: [metrics.json]\nplots:\n- loss.csv:\n    x: step\n    y: loss\n",
  );
}

function lose(at) {
  rmSync(join(at, "folder"), { recursive: true, force: true });
}

/** Changes a tracked file, a tracked folder, parameters and metrics. */
function edit(at) {
  mkdirSync(join(at, "folder"), { recursive: true });
  const version = String(readdirSync(join(at, "folder")).length);
  writeFileSync(join(at, "file"), `contents ${version}`);
  writeFileSync(join(at, "folder", version), version);
  writeFileSync(join(at, "params.yaml"), `rate: 0.${version}\nmodel:\n  layers: [8, 8]\n`);
  writeFileSync(join(at, "metrics.json"), `{"loss": 0.${version}, "more": {"accuracy": 0.9}}`);
  writeFileSync(join(at, "loss.csv"), `step,loss\n0,1\n1,0.${version}\n`);
}

function commit(at) {
  git(at, "add", "-A");
  git(at, "-c", "user.name=build", "-c", "user.email=build@example.com", "commit", "-q", "-m", "state");
}

function git(at, ...words) {
  spawnSync("git", ["-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", ...words], {
    cwd: at,
    stdio: "ignore",
  });
}
