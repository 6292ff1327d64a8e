import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { buildSync } from "esbuild";

/** How a child ended. `killed`: it reached its point and was killed there. */
export interface Ending {
  readonly killed: boolean;
  readonly status: number | null;
  readonly stderr: string;
}

/** Bundles a TypeScript child of `tests/`, since Node 20 runs none. @returns the path of the program. */
export function bundleChild(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), "child-"));
  const outfile = join(folder, "child.mjs");
  buildSync({
    entryPoints: [resolve(source)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
  });
  return outfile;
}

/** Runs a bundled child in `root`, which it gets as its first argument. */
export function runChild(program: string, root: string, args: readonly string[]): Ending {
  rmSync(join(root, "killed"), { force: true });
  const { status, signal, stderr } = spawnSync(process.execPath, [program, root, ...args], { encoding: "utf8" });
  return { killed: signal === "SIGKILL" && existsSync(join(root, "killed")), status, stderr };
}
