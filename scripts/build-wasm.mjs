// Compiles packages/core/wasm/md5.as.ts to WebAssembly and writes it as base64 into packages/core/src/hash/md5.wasm.ts.
// Run it after an edit of the source: `node scripts/build-wasm.mjs`. The output is committed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = "packages/core/wasm/md5.as.ts";
const folder = mkdtempSync(join(tmpdir(), "holdfast-wasm-"));
const out = join(folder, "md5.wasm");
const { error, stderr } = await asc.main([
  source,
  ...["--baseDir", root, "--outFile", out, "--runtime", "stub", "--noAssert", "--enable", "simd", "-O3"],
  ...["--initialMemory", "16", "--memoryBase", "1024"],
]);
if (error !== null) {
  console.error(stderr.toString());
  throw error;
}
const bytes = readFileSync(out);
rmSync(folder, { recursive: true });
const lines = bytes.toString("base64").match(/.{1,116}/g) ?? [];
writeFileSync(
  join(root, "packages/core/src/hash/md5.wasm.ts"),
  `// Made by scripts/build-wasm.mjs from ${source}; do not edit.\n\n` +
    `/** The WebAssembly module of the SIMD lanes, base64. */\nexport const MD5_WASM: string = [\n${lines
      .map((line) => `  ${JSON.stringify(line)},`)
      .join("\n")}\n].join("");\n`,
);
console.log(`md5.wasm: ${String(bytes.length)} bytes`);
