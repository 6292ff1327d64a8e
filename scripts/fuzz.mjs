// `npm run fuzz`: bundles tests/fuzz/main.ts, since Node 20 runs no TypeScript, and runs it with the words it was given.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// Inside of the repository, so that packages are found.
const folder = mkdtempSync(join(root, "node_modules", ".fuzz-"));
try {
  await build({
    entryPoints: [join(root, "tests", "fuzz", "main.ts")],
    outfile: join(folder, "fuzz.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "error",
  });
  const words = [join(folder, "fuzz.mjs"), ...process.argv.slice(2)];
  process.exitCode = spawnSync(process.execPath, words, { cwd: root, stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
