// Bundles the program into packages/cli/bin: one file with lazy parts, third-party packages and worker entries beside it.
// `--no-types` leaves out the compiler's run.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const core = join(root, "packages", "core", "src");
const target = join(root, "packages", "cli", "bin");
/** Made beside the target and put in its place when it is complete. */
const bin = `${target}.new`;
const { version } = JSON.parse(readFileSync(join(root, "packages", "cli", "package.json"), "utf8"));

/** Packages met on the way, by the name of their file in `vendor`. */
const vendor = new Map();

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
      const file = `${path.replace(/[@/]/g, (sign) => (sign === "/" ? "-" : ""))}.cjs`;
      vendor.set(file, path);
      return { path: `${depth}vendor/${file}`, external: true };
    });
  },
});

const shared = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minify: true,
  keepNames: true, // names of error classes are printed
  legalComments: "none",
  logLevel: "warning",
  define: { "import.meta.url": "__bundleUrl", HOLDFAST_VERSION: JSON.stringify(version) },
};
const url = 'const __bundleUrl=require("node:url").pathToFileURL(__filename).href;';

rmSync(bin, { recursive: true, force: true });
mkdirSync(bin, { recursive: true });
writeFileSync(join(bin, "package.json"), '{"type":"commonjs"}\n');

const program = join(bin, "holdfast.js");
await build({
  ...shared,
  entryPoints: [join(root, "packages", "cli", "src", "main.ts")],
  outfile: program,
  banner: { js: `#!/usr/bin/env node\n${url}require("node:module").enableCompileCache?.();` },
  plugins: [resolution("./")],
});
chmodSync(program, 0o755);

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

for (const [file, name] of vendor) {
  await build({
    ...shared,
    define: {},
    stdin: { contents: `module.exports = require(${JSON.stringify(name)});`, resolveDir: core, loader: "js" },
    outfile: join(bin, "vendor", file),
    logLevel: "error",
  });
}

rmSync(target, { recursive: true, force: true });
renameSync(bin, target);
const kib = (file) => `${(statSync(file).size / 1024).toFixed(0)} KiB`;
console.log(
  `packages/cli/bin/holdfast.js ${kib(join(target, "holdfast.js"))}, ${workers.length} workers, ${vendor.size} packages`,
);

if (!process.argv.includes("--no-types")) {
  const tsc = spawnSync(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-b"], {
    cwd: root,
    stdio: "inherit",
  });
  process.exitCode = tsc.status ?? 1;
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}
