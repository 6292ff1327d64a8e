// Puts examples/exemplar into the npm package, so that `holdfast demo` needs no download: packages/cli/exemplar.
// npm drops and renames files called .gitignore, so those travel as "dot-gitignore"; the demo gives them their name back.
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const from = join(root, "examples", "exemplar");
const to = join(root, "packages", "cli", "exemplar");
/** What is made by using the exemplar does not belong to it. */
const MADE = new Set([
  "node_modules",
  "data",
  "model.json",
  "metrics.json",
  "ts.mjs",
  "tests",
  "cache",
  "tmp",
  "config.local",
]);

rmSync(to, { recursive: true, force: true });
copy(from, to);
writeFileSync(join(to, "ts.mjs"), bundleRunner());
writeFileSync(join(to, "package.json"), withoutDependencies());

function copy(source, target) {
  mkdirSync(target, { recursive: true });
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    if (MADE.has(entry.name)) continue;
    const name = entry.name === ".gitignore" ? "dot-gitignore" : entry.name;
    if (entry.isDirectory()) copy(join(source, entry.name), join(target, name));
    else cpSync(join(source, entry.name), join(target, name));
  }
}

/** One file with sucrase (MIT) inside, whose licence text leads it. */
function bundleRunner() {
  const require = createRequire(join(from, "package.json"));
  const licence = readFileSync(join(dirname(require.resolve("sucrase/package.json")), "LICENSE"), "utf8");
  const banner = `/*! ${basename(from)}'s ts.mjs with sucrase inside. sucrase:\n${licence.trim().replaceAll("*/", "* /")}\n*/`;
  const { outputFiles } = buildSync({
    entryPoints: [join(from, "ts.mjs")],
    bundle: true,
    write: false,
    minify: true,
    platform: "node",
    format: "esm",
    target: "node20",
    mainFields: ["module", "main"],
    banner: { js: banner },
  });
  return outputFiles[0].text;
}

function withoutDependencies() {
  const { dependencies: _, ...rest } = JSON.parse(readFileSync(join(from, "package.json"), "utf8"));
  return JSON.stringify(rest, null, 2) + "\n";
}
