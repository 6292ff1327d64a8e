/**
 * Runs a TypeScript file on Node 20 and newer: `node ts.mjs src/train.ts data`.
 * Types are cut out on the way in (Node 20 cannot do that itself); the bundle that npm ships carries sucrase inside.
 */
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isMainThread } from "node:worker_threads";
import { transform } from "sucrase";

export async function load(url, context, nextLoad) {
  if (!url.endsWith(".ts")) return nextLoad(url, context);
  const source = readFileSync(fileURLToPath(url), "utf8");
  const { code } = transform(source, { transforms: ["typescript"], disableESTransforms: true, filePath: url });
  return { format: "module", source: code, shortCircuit: true };
}

if (isMainThread) {
  const [script, ...args] = process.argv.slice(2);
  if (script === undefined) {
    console.error("usage: node ts.mjs FILE.ts [arguments]");
    process.exit(2);
  }
  register(import.meta.url);
  const path = resolve(script);
  process.argv = [process.argv[0], path, ...args];
  await import(pathToFileURL(path).href);
}
