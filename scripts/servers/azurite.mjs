// Azurite for the tests of azure://: found, or from npm into .cache/azurite. No dependency of the packages: it is large.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CACHE, firstThere, programAt } from "./places.mjs";

const PACKAGE = "azurite@3.35.0";
const folder = join(CACHE, "azurite");
const own = join(folder, "node_modules", ".bin", "azurite-blob");

/** Makes sure that the server is there. @returns whether it is */
export function setUpAzurite() {
  const found = firstThere([own]) ?? programAt("azurite-blob");
  if (found !== undefined) {
    console.log(`Azure server for the tests: ${found}`);
    return true;
  }
  console.log(`Azure server for the tests: npm install ${PACKAGE} (185 MB)`);
  mkdirSync(folder, { recursive: true });
  const words = ["install", "--prefix", folder, "--no-audit", "--no-fund", "--no-package-lock", PACKAGE];
  if (spawnSync("npm", words, { stdio: ["ignore", "ignore", "inherit"] }).status === 0) return true;
  console.error(`The tests of azure:// need Azurite: npm install --global ${PACKAGE}, and run this again.`);
  return false;
}
