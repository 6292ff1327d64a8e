// Where programs for the tests are looked for, and how Debian's packages come where they are missing.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** What the set-up makes. */
export const CACHE = join(import.meta.dirname, "..", "..", ".cache");

/** Folders that hold programs: of the set-up, of Go, of the system. */
export function programFolders() {
  const goBin = join(process.env.GOPATH ?? join(homedir(), "go"), "bin");
  return [join(CACHE, "bin"), goBin, ...(process.env.PATH ?? "").split(delimiter).filter(Boolean)];
}

/** The first of these paths that is there. */
export function firstThere(paths) {
  return paths.find((path) => existsSync(path));
}

/** The program of this name. */
export function programAt(name) {
  return firstThere(programFolders().map((folder) => join(folder, name)));
}

/** Installs a package of Debian's, where that is possible: as root. `before` runs once the lists are up to date. */
export function installByApt(name, before = () => undefined) {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return;
  console.log(`for the tests: apt-get install ${name}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore", env });
  before();
  const words = ["install", "-y", "-qq", "--no-install-recommends", name];
  spawnSync("apt-get", words, { stdio: ["ignore", "ignore", "inherit"], env });
}
