import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { BINARY } from "./rig.ts";

/** What the program is run with: nothing of the user's own, all of it in `folder`. */
export function ownEnvironment(folder: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    HOME: folder,
    DVC_GLOBAL_CONFIG_DIR: join(folder, "global"),
    DVC_SYSTEM_CONFIG_DIR: join(folder, "system"),
    DVC_SITE_CACHE_DIR: join(folder, "site"),
  };
}

/**
 * Runs the program and kills it after `delay` ms; not the commands that it runs: those end by themselves, as after any crash
 * of the program.
 * @returns whether it was killed before its end.
 */
export async function runAndKill(
  args: readonly string[],
  at: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
  delay: number,
): Promise<boolean> {
  const child = spawn(process.execPath, [BINARY, ...args], { ...at, stdio: "ignore" });
  const timer = setTimeout(() => child.kill("SIGKILL"), delay);
  const signal = await new Promise((done) => {
    child.once("exit", (_code, by) => {
      done(by);
    });
  });
  clearTimeout(timer);
  return signal === "SIGKILL";
}

/** Hex md5 of a file. */
export function md5Of(path: string): string {
  return createHash("md5").update(readFileSync(path)).digest("hex");
}

/** Everything below a folder that is no folder; nothing when it is not there. */
export function filesUnder(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** How often a test kills: `usual` times, or HOLDFAST_KILLS, and how long all of it may take, ms. */
export function killRounds(usual: number): { readonly rounds: number; readonly timeout: number } {
  const rounds = Number(process.env["HOLDFAST_KILLS"] ?? usual);
  return { rounds, timeout: 60_000 + rounds * 15_000 };
}

/** Every object that has its final name holds the bytes of that name. @returns the names. */
export function objectsIn(store: string): Set<string> {
  const names = new Set<string>();
  for (const path of filesUnder(store)) {
    const [, name] = /\/([0-9a-f]{2}\/[0-9a-f]{30})(?:\.dir)?$/.exec(path) ?? [];
    if (name === undefined) continue;
    const oid = name.replace("/", "");
    expect(md5Of(path), path).toBe(oid);
    names.add(oid);
  }
  return names;
}
