// Times data/build.ts by itself: `node bench/micro/build.mjs FOLDER [files size folders]...`
// Each case: made once in FOLDER/<case>, then hashed and stored into a fresh cache (first), again with the state, and
// hashed only. Caches are left behind: removing as many files as are made slows ext4 down. Remove FOLDER afterwards.
import { randomFillSync } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { spawnSync } from "node:child_process";
import { build as bundle } from "esbuild";

const core = fileURLToPath(new URL("../../packages/core/src/", import.meta.url));
const [folder = "/tmp/holdfast-bench-build", ...rest] = process.argv.slice(2);
const out = join(folder, "program");
mkdirSync(out, { recursive: true });
const shared = { bundle: true, platform: "node", format: "esm", logLevel: "error" };
await bundle({
  ...shared,
  stdin: {
    contents: `export {build} from "./data/build.ts"; export {openState} from "./odb/state.ts"; export {ObjectDb} from "./odb/objectDb.ts"`,
    resolveDir: core,
    loader: "ts",
  },
  outfile: join(out, "build.mjs"),
});
await bundle({
  ...shared,
  entryPoints: [join(core, "data/ingestWorker.ts")],
  outfile: join(out, "data/ingestWorker.js"),
});
writeFileSync(join(out, "package.json"), '{"type":"module"}');

const cases = [];
for (let i = 0; i + 2 < rest.length; i += 3) cases.push(rest.slice(i, i + 3).map(Number));
if (cases.length === 0) cases.push([20000, 4096, 200], [200000, 100, 200], [1, 2 ** 31, 1]);

const script = join(out, "once.mjs");
writeFileSync(
  script,
  `import { build, openState, ObjectDb } from ${JSON.stringify(pathToFileURL(join(out, "build.mjs")).href)};
const [, , data, cache, stateFile, jobs] = process.argv;
const started = performance.now();
const state = stateFile === "" ? undefined : openState(stateFile);
const store = cache === "" ? undefined : new ObjectDb(cache, { layout: "3.x", state });
const { hash, meta } = await build(data, { state, store, ...(jobs ? { jobs: Number(jobs) } : {}) });
const built = performance.now();
state?.save();
const cpu = process.cpuUsage();
console.log(JSON.stringify({ build: Math.round(built - started), save: Math.round(performance.now() - built),
  start: Math.round(started), user: Math.round(cpu.user / 1000), system: Math.round(cpu.system / 1000),
  peakMiB: Math.round(process.resourceUsage().maxRSS / 1024), hash: hash.value, ...meta }));`,
);

for (const [files, size, folders] of cases) {
  const data = join(folder, `data-${files}-${size}`);
  if (!existsSync(data)) make(data, files, size, folders);
  const run = (name, cache, state, jobs = "") => {
    const before = performance.now();
    const child = spawnSync(process.execPath, [script, data, cache, state, jobs], {
      encoding: "utf8",
      env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined },
    });
    if (child.status !== 0) throw new Error(child.stderr);
    console.log(
      `${files} x ${size}`,
      name.padEnd(18),
      `${Math.round(performance.now() - before)} ms whole`,
      child.stdout.trim(),
    );
  };
  const fresh = () => join(folder, `cache-${Date.now()}-${files}`);
  spawnSync("sync", ["-f", folder]);
  const [cache, state] = [fresh(), join(folder, `state-${Date.now()}`)];
  run("add", cache, state);
  run("add again", cache, state);
  run("status", "", state);
  run("hash only", "", "");
  spawnSync("sync", ["-f", folder]);
  run("add, one thread", fresh(), "", "1");
}

function make(root, files, size, folders) {
  const bytes = Buffer.alloc(Math.min(size, 1 << 24));
  for (let d = 0, k = 0; d < folders; d++) {
    const sub = join(root, `d${String(d).padStart(4, "0")}`);
    mkdirSync(sub, { recursive: true });
    for (let i = 0; i < files / folders; i++) {
      const fd = openSync(join(sub, `f${String(k++).padStart(6, "0")}.bin`), "w");
      for (let left = size; left > 0; left -= bytes.length) {
        randomFillSync(bytes);
        writeSync(fd, bytes, 0, Math.min(left, bytes.length));
      }
      closeSync(fd);
    }
  }
}
