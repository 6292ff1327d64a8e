// DVC and we at the same time on one repository: every command ends well or names the lock, no object is wrong, no file changes.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environment } from "./play.mjs";

const LISTS = [
  (own) => [`add ${own}`, "push", "status -c"],
  (own) => [`add ${own}`, "status", `checkout ${own}`],
  (own) => [`commit -f ${own}.dvc`, "gc -w -f", "diff"],
  (own) => [`add ${own}`, `push ${own}`, `pull ${own}`, "data status"],
];
const LOCKED = /Unable to acquire lock|is busy, it is being blocked by/;

/**
 * @param {{dvc: string, us: string, rounds: number}} options
 * @returns {Promise<{passed: number, failed: number}>}
 */
export async function beside({ dvc, us, rounds }) {
  const dir = mkdtempSync(join(tmpdir(), "conformance-beside-"));
  const counts = { passed: 0, failed: 0 };
  try {
    const world = { cwd: join(dir, "repo"), env: environment(dir) };
    mkdirSync(world.cwd);
    spawnSync("git", ["init", "-q", "-b", "main"], world);
    for (const line of ["init -q", "remote add -q -d store ../remote"]) spawnSync(dvc, line.split(" "), world);
    spawnSync("git", ["commit", "-q", "-a", "-m", "init"], world);
    for (let round = 0; round < rounds; round++) {
      const found = await playRound(world, [dvc, us], round);
      counts[found.length === 0 ? "passed" : "failed"]++;
      console.log(`${found.length === 0 ? "ok  " : "FAIL"} both at once, round ${round}`);
      for (const one of found) console.log(`     ${one}`);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return counts;
}

async function playRound(world, programs, round) {
  const owns = LISTS.flatMap((_, list) =>
    programs.map((program, tool) => ({ name: `data${list}${tool}`, program, list })),
  );
  for (const { name } of owns) writeData(join(world.cwd, name), round);
  if (round === 0) spawnSync(programs[1], ["add", "-q", ...owns.map(({ name }) => name)], world);
  const ended = await Promise.all(
    owns.map((own) => runAll(LISTS[(own.list + round) % LISTS.length](own.name), own.program, world)),
  );
  const found = ended.flat().filter(({ code, said }) => code !== 0 && !LOCKED.test(said));
  const wrong = found.map(({ program, line, code, said }) => `${program} ${line} -> ${code}: ${said.trim()}`);
  for (const { name } of owns) if (!isData(join(world.cwd, name), round)) wrong.push(`${name} has changed`);
  wrong.push(
    ...unsound(join(world.cwd, ".dvc", "cache", "files", "md5")),
    ...unsound(join(world.cwd, "..", "remote", "files", "md5")),
  );
  // Whoever was locked out does it now; then both must find everything as it should be.
  for (const line of [`add ${owns.map(({ name }) => name).join(" ")}`, "push", "status -q", "status -c -q"])
    for (const program of programs) {
      const { status, stdout, stderr } = spawnSync(program, line.split(" "), { ...world, encoding: "utf8" });
      if (status !== 0) wrong.push(`afterwards ${program} ${line} -> ${status}: ${stdout}${stderr}`);
    }
  return wrong;
}

const text = (path, nth, round) => (nth % 2 === 0 ? `shared ${nth} ${round}\n` : `${path} ${nth} ${round}\n`);

function writeData(path, round) {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path);
  for (let nth = 0; nth < 20; nth++) writeFileSync(join(path, `f${nth}`), text(path, nth, round));
}

function isData(path, round) {
  const texts = Array.from({ length: 20 }, (_, nth) => text(path, nth, round));
  return texts.every(
    (one, nth) => existsSync(join(path, `f${nth}`)) && readFileSync(join(path, `f${nth}`), "utf8") === one,
  );
}

function unsound(store) {
  if (!existsSync(store)) return [];
  const paths = readdirSync(store, { recursive: true }).filter((path) =>
    /^[0-9a-f]{2}\/[0-9a-f]{30}(\.dir)?$/.test(path),
  );
  const md5 = (path) =>
    createHash("md5")
      .update(readFileSync(join(store, path)))
      .digest("hex");
  return paths
    .filter((path) => md5(path) !== path.replace("/", "").replace(".dir", ""))
    .map((path) => `${path} is damaged`);
}

async function runAll(lines, program, { cwd, env }) {
  const ended = [];
  for (const line of lines) {
    const child = spawn(program, line.split(" "), { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part) => (said += part));
    const code = await new Promise((done) => child.once("close", done));
    ended.push({ program, line, code, said });
  }
  return ended;
}
