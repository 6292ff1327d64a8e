// Plays a scenario in a new folder and writes down what happened: exit code, output, and every change on disk, step by step.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Files that are told with their whole text; of all others only the MD5 counts. */
const TEXTS = /(^|\/)([^/]*\.dvc|\.gitignore|\.dvcignore|dvc\.yaml|dvc\.lock|config(\.local)?|exclude|hooks\/[\w-]+)$/;
/** Not the subject: Git's own store, scratch folders, the state database, the tools' home. */
const SKIPPED =
  /^(\.home|.*\/\.dvc\/tmp|.*\.git\/(?!hooks$|info$)[^/]+|.*\.git\/hooks\/.*\.sample|.*\.git\/info\/(?!exclude$).*|.*\/(files\/md5\/\.[^/]*\.tmp$|state\.db|cache\.db|links\/|CACHEDIR\.TAG).*)$/;

/**
 * @param {{id: string, steps: object[]}} scenario
 * @param {(index: number) => string} toolFor the program that runs the n-th `dvc` step
 * @returns {Promise<object[]>} one entry for each step that ran a command
 */
export async function play(scenario, toolFor) {
  const dir = mkdtempSync(join(tmpdir(), `conformance-${scenario.id}-`));
  try {
    return await playIn(dir, scenario, toolFor);
  } finally {
    spawnSync("chmod", ["-R", "u+rwX", dir]);
    rmSync(dir, { recursive: true, force: true });
  }
}

async function playIn(dir, scenario, toolFor) {
  const world = { dir, cwd: join(dir, "repo"), env: environment(dir), seen: {} };
  mkdirSync(world.cwd);
  const records = [];
  let runs = 0;
  for (const step of scenario.steps) {
    if (step.dvc === undefined && step.git === undefined) {
      act(step, world);
      continue;
    }
    const program = step.git === undefined ? toolFor(runs++) : "git";
    const ran = await run(program, words(step.git ?? step.dvc, dir), world);
    const disk = snapshot(dir);
    records.push({
      command: [step.git === undefined ? "dvc" : "git", step.git ?? step.dvc].flat().join(" "),
      exitCode: ran.exitCode,
      stdout: neutral(ran.stdout, dir),
      stderr: neutral(ran.stderr, dir),
      changed: changes(world.seen, disk),
    });
    world.seen = disk;
  }
  return records;
}

/** A change made by hand. Paths are relative to the present folder. */
function act(step, world) {
  const at = (path) => join(world.cwd, path);
  if (step.write !== undefined) {
    for (const [path, text] of Object.entries(step.write)) {
      mkdirSync(dirname(at(path)), { recursive: true });
      rmSync(at(path), { force: true });
      writeFileSync(at(path), text.replaceAll("<DIR>", world.dir));
    }
  } else if (step.put !== undefined) {
    for (const [path, text] of Object.entries(step.put)) putInPlace(at(path), text);
  } else if (step.rm !== undefined) remove(at(step.rm), step.maybe === true);
  else if (step.mv !== undefined) renameSync(at(step.mv[0]), at(step.mv[1]));
  else if (step.mkdir !== undefined) mkdirSync(at(step.mkdir), { recursive: true });
  else if (step.chmod !== undefined) chmodSync(at(step.chmod[0]), step.chmod[1]);
  else if (step.link !== undefined) symlinkSync(step.link[0], at(step.link[1]));
  else if (step.spoil !== undefined) {
    chmodSync(at(step.spoil), 0o644);
    writeFileSync(at(step.spoil), "spoilt");
  } else if (step.cd !== undefined) {
    world.cwd = join(world.dir, step.cd);
    mkdirSync(world.cwd, { recursive: true });
  } else throw new Error(`unknown step ${JSON.stringify(step)}`);
}

/** `maybe`: also where nothing is, or a file above. */
function remove(path, maybe) {
  try {
    rmSync(path, { recursive: true, force: maybe });
  } catch (error) {
    if (!maybe || error.code !== "ENOTDIR") throw error;
  }
}

/** Writes a file over whatever is there; files that are in the way of its folders go. */
function putInPlace(path, text) {
  const folders = [];
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) folders.unshift(folder);
  const inTheWay = folders.find((folder) => lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === false);
  rmSync(inTheWay ?? path, { recursive: true, force: true });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What both tools are run with: nothing of the user's own. */
export function environment(dir) {
  const home = join(dir, ".home");
  for (const name of ["site", "global", "system"]) mkdirSync(join(home, name), { recursive: true });
  const date = "2024-01-02T03:04:05+00:00";
  return {
    PATH: process.env.PATH,
    HOME: home,
    LANG: "C.UTF-8",
    DVC_NO_ANALYTICS: "1",
    DVC_SITE_CACHE_DIR: join(home, "site"),
    DVC_GLOBAL_CONFIG_DIR: join(home, "global"),
    DVC_SYSTEM_CONFIG_DIR: join(home, "system"),
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "A",
    GIT_AUTHOR_EMAIL: "a@example.com",
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: "A",
    GIT_COMMITTER_EMAIL: "a@example.com",
    GIT_COMMITTER_DATE: date,
    GIT_CEILING_DIRECTORIES: dirname(dir),
  };
}

function run(program, args, { cwd, env }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ exitCode: code ?? 255, stdout, stderr }));
  });
}

/** Splits at spaces; '…' keeps them. A list is taken as it is. */
function words(line, dir) {
  if (Array.isArray(line)) return line.map((word) => word.replaceAll("<DIR>", dir));
  return (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'(.*)'$/s, "$1").replaceAll("<DIR>", dir));
}

const neutral = (text, dir) => text.replaceAll(dir, "<DIR>");

/** Every file below `dir` as one line of text: kind, rights, and content. */
function snapshot(dir) {
  const found = {};
  const visit = (rel) => {
    if (SKIPPED.test(rel)) return;
    const path = join(dir, rel);
    const stat = lstatSync(path);
    if (stat.isDirectory()) {
      const names = readdirSync(path);
      if (names.length === 0) found[`${rel}/`] = "empty folder";
      for (const name of names.sort()) visit(rel === "" ? name : `${rel}/${name}`);
    } else
      found[rel] = stat.isSymbolicLink()
        ? `link to ${neutral(readlinkSync(path), dir)}`
        : describeFile(rel, path, stat, dir);
  };
  visit("");
  return found;
}

function describeFile(rel, path, stat, dir) {
  const content = readFileSync(path);
  const rights = [
    stat.mode & 0o111 ? "executable" : "",
    stat.mode & 0o222 ? "" : "read-only",
    stat.nlink > 1 ? `${stat.nlink} names` : "",
  ].filter(Boolean);
  const isText = TEXTS.test(rel) || (/\.dir$/.test(rel) && /files\/md5\/|cache\/|remote/.test(rel));
  const what = isText
    ? neutral(content.toString("utf8"), dir)
    : `md5 ${createHash("md5").update(content).digest("hex")}`;
  return rights.length === 0 ? what : `[${rights.join(", ")}] ${what}`;
}

function changes(before, after) {
  const changed = {};
  for (const path of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (before[path] !== after[path]) changed[path] = after[path] ?? null;
  }
  return Object.fromEntries(Object.entries(changed).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A link called `dvc` to our binary: the name a tool is called by is the name in its messages. */
export function linkAsDvc(binary) {
  if (!existsSync(binary)) throw new Error(`${binary} is missing: npm run build`);
  const bin = mkdtempSync(join(tmpdir(), "conformance-bin-"));
  symlinkSync(binary, join(bin, "dvc"));
  return { program: join(bin, "dvc"), close: () => rmSync(bin, { recursive: true, force: true }) };
}
