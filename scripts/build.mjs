// Bundles the program into packages/cli/bin: one file with lazy parts, third-party packages and worker entries beside it.
// `--no-types` leaves out the compiler's run.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { COMPILED_FOLDER, compileAhead, compiledLines, OTHERS } from "./compileAhead.mjs";
import { packChunks } from "./packChunks.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const core = join(root, "packages", "core", "src");
const target = join(root, "packages", "cli", "bin");
/** Made beside the target and put in its place when it is complete. */
const bin = `${target}.new`;
const { version } = JSON.parse(readFileSync(join(root, "packages", "cli", "package.json"), "utf8"));

/** Packages met on the way, by the name of their file in `vendor`. */
const vendor = new Map();

/** Packages that nearly every command imports and hardly any calls: loaded by the first call or look (2 ms each). */
const seldom = new Set(["picomatch"]);
const stub = (file) => `
  let real;
  const load = () => (real ??= require(${JSON.stringify(file)}));
  module.exports = new Proxy(function () {}, {
    apply: (_target, self, words) => Reflect.apply(load(), self, words),
    get: (_target, name) => (name === "__esModule" ? undefined : load()[name]),
  });
`;

/** Packages that the user installs beside the program when they are needed. */
const optional = new Set(["@duckdb/node-api", "node-sqlite3-wasm", "pg", "pg-cursor"]);

/** `@holdfast/core/api/x` is the library's source; other packages become files of their own, loaded when first needed. */
const resolution = (depth) => ({
  name: "holdfast",
  setup(plugin) {
    plugin.onResolve({ filter: /^@holdfast\/core/ }, ({ path }) => {
      const part = path.slice("@holdfast/core".length);
      return { path: join(core, part === "" ? "index.ts" : `${part.slice(1)}.ts`), sideEffects: false };
    });
    plugin.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind === "entry-point" || path.startsWith("node:")) return undefined;
      if (optional.has(path)) return { path, external: true };
      const file = `${path.replace(/[@/]/g, (sign) => (sign === "/" ? "-" : ""))}.cjs`;
      vendor.set(file, path);
      if (seldom.has(path)) return { path: `${depth}vendor/${file}`, namespace: "seldom" };
      return { path: `${depth}vendor/${file}`, external: true };
    });
    plugin.onLoad({ filter: /./, namespace: "seldom" }, ({ path }) => ({ contents: stub(path) }));
    plugin.onResolve({ filter: /./, namespace: "seldom" }, ({ path }) => ({ path, external: true }));
  },
});

const shared = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
  charset: "ascii", // the starter reads the bundle byte by byte
  supported: { "dynamic-import": false }, // parts of the bundle and files beside it: plain require does
  define: { "import.meta.url": "__bundle.url", HOLDFAST_VERSION: JSON.stringify(version) },
};
const url = 'const __bundle={get url(){return require("node:url").pathToFileURL(__filename).href}};';

rmSync(bin, { recursive: true, force: true });
mkdirSync(bin, { recursive: true });
writeFileSync(join(bin, "package.json"), '{"type":"commonjs"}\n');

const program = join(bin, "program.js");
const main = await build({
  ...shared,
  format: "esm",
  splitting: true,
  supported: {},
  entryPoints: [join(root, "packages", "cli", "src", "main.ts")],
  outdir: bin,
  write: false,
  plugins: [resolution("./")],
});
const chunks = main.outputFiles.map((file) => ({ name: relative(bin, file.path), text: file.text }));
writeFileSync(program, '"use strict";' + url + packChunks(chunks, "main.js"));

// What is started: takes V8's compiled code of the bundle from a file when there is one for this V8, which halves the
// time to start (status 49 -> 24 ms over bare Node on a busy machine); Node 22 and newer keep such a file by themselves.
const starter = join(bin, "holdfast.js");
writeFileSync(
  starter,
  `#!/usr/bin/env node
"use strict";
const fs = require("node:fs");
const [, name, word, more] = process.argv;
if (word === "--version" && more === undefined && !/dvc(\\.\\w+)?$/.test(name)) {
  try {
    fs.writeSync(1, ${JSON.stringify(`${version}\n`)});
    process.exit(0);
  } catch {} // a full or closed pipe: the program knows what to do
}
const Module = require("node:module");
const file = __dirname + "/program.js";
const compiled = \`\${__dirname}/${COMPILED_FOLDER}/\${process.versions.v8}-\${process.arch}/\`;
let cachedData;
try {
  const line = [word + " " + more, word].find((words) => ${JSON.stringify(compiledLines)}.includes(words));
  cachedData = fs.readFileSync(compiled + (line ?? "${OTHERS}"));
} catch {}
if (cachedData === undefined) {
  Module.enableCompileCache?.();
  require(file);
} else {
  const { Script } = require("node:vm");
  const script = new Script(Module.wrap(fs.readFileSync(file, "latin1")), { filename: file, cachedData });
  script.runInThisContext()(exports, require, module, file, __dirname);
}
`,
);
chmodSync(starter, 0o755);

const workers = filesBelow(core).filter((file) => /(^|[/\\])(\w+Worker|worker)\.ts$/.test(file));
for (const file of workers) {
  const place = relative(core, file).split(sep).join("/").replace(/\.ts$/, ".js");
  await build({
    ...shared,
    entryPoints: [file],
    outfile: join(bin, place),
    banner: { js: url },
    plugins: [resolution("../".repeat(place.split("/").length - 1) || "./")],
  });
}

// Draws the charts in pages of plots; inlined into them.
await build({
  entryPoints: [join(root, "scripts", "plotsPage.mjs")],
  outfile: join(bin, "plots", "vega.js"),
  bundle: true,
  minify: true,
  platform: "browser",
  target: "es2022",
  format: "iife",
  legalComments: "none",
  charset: "ascii",
  logLevel: "warning",
});

// Draws charts as images: the renderer's own file, and the font of the texts.
copyFileSync(installed("@resvg/resvg-wasm/index_bg.wasm"), join(bin, "plots", "resvg.wasm"));
copyFileSync(installed("@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf"), join(bin, "plots", "font.ttf"));

for (const [file, name] of vendor) {
  await build({
    ...shared,
    // Vega for Node looks for a native canvas and for files: neither is wanted.
    ...(name.startsWith("vega") ? { platform: "browser" } : {}),
    define: {},
    stdin: { contents: `module.exports = require(${JSON.stringify(name)});`, resolveDir: core, loader: "js" },
    // Native parts are taken where they are installed; without them ssh2 does its work in JavaScript.
    external: ["*.node", "cpu-features"],
    outfile: join(bin, "vendor", file),
    logLevel: "error",
  });
}

compileAhead(program);
rmSync(target, { recursive: true, force: true });
renameSync(bin, target);
const kib = (file) => `${(statSync(file).size / 1024).toFixed(0)} KiB`;
console.log(
  `packages/cli/bin/program.js ${kib(join(target, "program.js"))}, ${workers.length} workers, ${vendor.size} packages`,
);

if (!process.argv.includes("--no-types")) {
  const tsc = spawnSync(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-b"], {
    cwd: root,
    stdio: "inherit",
  });
  process.exitCode = tsc.status ?? 1;
}

function installed(path) {
  return createRequire(join(core, "index.ts")).resolve(path);
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}
