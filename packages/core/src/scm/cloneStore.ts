import { closeSync, existsSync, lstatSync, openSync, readdirSync, readFileSync } from "node:fs";
import { renameSync, rmSync, statSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { LockError, ScmError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { processAlive } from "../fs/atomic.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { isLocal } from "./cloneSource.ts";

/** Copies that nobody asked for during so many days are removed. */
const MAX_AGE_DAYS = 30;
const DAY_MS = 86_400_000;
/** How long one process waits for another that fetches from the same repository (ms). */
const LOCK_WAIT = 600_000;
const LOCK_STEP = 50;

/**
 * Folder of the copies of other repositories: `clones` in DVC_SITE_CACHE_DIR or in the user's own cache. Only the user can
 * look into it.
 */
export function cloneStoreRoot({ env, home }: Environment): OsPath {
  const site = env["DVC_SITE_CACHE_DIR"];
  if (site !== undefined && site !== "") return join(site, "clones");
  const xdg = env["XDG_CACHE_HOME"];
  return join(xdg === undefined || xdg === "" ? join(home, ".cache") : xdg, "holdfast", "clones");
}

/** Whether a URL carries a password or token; such a URL is never written into a kept copy. */
export function hasPassword(url: string): boolean {
  return /^[\w+.-]+:\/\/[^/@]*:[^/@]*@/.test(url) || /^https?:\/\/[^/@]+@/i.test(url);
}

/** The folder of the copy of `source`, which need not exist yet. */
export function storeFolder(environment: Environment, source: string): OsPath {
  const { createHash } = process.getBuiltinModule("node:crypto");
  return join(cloneStoreRoot(environment), `${createHash("sha256").update(source).digest("hex").slice(0, 40)}.git`);
}

/** Whether this machine's user may keep copies in the folder: it is the user's own, and nobody else can write there. */
export function isUsable(root: OsPath): boolean {
  try {
    makeFolders(root, 0o700);
    const stat = lstatSync(root);
    const uid = process.getuid?.();
    return stat.isDirectory() && (uid === undefined || (stat.uid === uid && (stat.mode & 0o022) === 0));
  } catch {
    return false;
  }
}

/**
 * Makes the empty bare repository that a copy starts as. Its blobs come when they are asked for. An unfinished one (its
 * process ended in between) is made anew.
 */
export function makeStore(store: OsPath, source: string, init: (folder: OsPath) => void): void {
  if (existsSync(join(store, READY))) {
    const now = new Date();
    utimesSync(join(store, READY), now, now);
    return;
  }
  if (/[\n\r\0]/.test(source)) throw new ScmError(`bad Git URL '${source}'`);
  rmSync(store, { recursive: true, force: true });
  const temporary = `${store}.${String(process.pid)}.tmp`;
  rmSync(temporary, { recursive: true, force: true });
  init(temporary);
  writeFileSync(join(temporary, "config"), configText(source));
  writeFileSync(join(temporary, READY), "");
  renameSync(temporary, store);
  removeOld(dirname(store), store);
}

/** Marks a finished copy; its time is that of the last use. */
const READY = "holdfast-copy";

/** Marks a copy of a server that hands out no single files. */
const PLAIN = "holdfast-plain";

/** Whether a copy holds all that it has heard of. */
export function isPlainStore(store: OsPath): boolean {
  return existsSync(join(store, PLAIN));
}

/** Makes of an empty copy one that leaves nothing out. */
export function makePlainStore(store: OsPath, source: string): void {
  writeFileSync(join(store, "config"), configText(source, true));
  writeFileSync(join(store, PLAIN), "");
}

function configText(source: string, isPlain = false): string {
  const isOurs = isLocal(source);
  // The other end of a local copy is ours to start: it may leave blobs out whatever the source's settings say.
  const uploadPack = isOurs
    ? '\tuploadpack = "git -c uploadpack.allowFilter=true -c uploadpack.allowAnySHA1InWant=true upload-pack"\n'
    : "";
  return [
    "[core]\n\trepositoryformatversion = 1\n\tbare = false\n\tlogAllRefUpdates = false\n\thooksPath = /dev/null\n",
    isPlain ? "" : "[extensions]\n\tpartialClone = origin\n",
    `[remote "origin"]\n\turl = "${source.replace(/[\\"]/g, "\\$&")}"\n${uploadPack}`,
    isPlain ? "" : "\tpromisor = true\n\tpartialclonefilter = blob:none\n",
    "[gc]\n\tautoDetach = false\n",
  ].join("");
}

function removeOld(root: OsPath, own: OsPath): void {
  const oldest = Date.now() - MAX_AGE_DAYS * DAY_MS;
  for (const name of readdirSync(root)) {
    const path = join(root, name);
    if (path === own || !name.endsWith(".git")) continue;
    const used = statSync(join(path, READY), { throwIfNoEntry: false })?.mtimeMs;
    if (used !== undefined && used < oldest) rmSync(path, { recursive: true, force: true });
  }
}

/**
 * Runs `work` while no other process changes the copy. The lock of a process that has ended is taken over.
 * @throws {LockError} when another one keeps it for ten minutes.
 */
export function withStoreLock<T>(store: OsPath, work: () => T): T {
  const file = `${store}.lock`;
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; !take(file); waited += LOCK_STEP) {
    if (waited >= LOCK_WAIT)
      throw new LockError(`'${store}' is in use by another process`, { hint: `If there is none, remove '${file}'.` });
    Atomics.wait(sleeper, 0, 0, LOCK_STEP);
  }
  try {
    return work();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file: OsPath): boolean {
  try {
    const fd = openSync(file, "wx", 0o600);
    writeSync(fd, String(process.pid));
    closeSync(fd);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  try {
    const text = readFileSync(file, "utf8");
    const age = Date.now() - statSync(file).mtimeMs;
    const isLeft = text === "" ? age > LOCK_STEP * 100 : !processAlive(Number(text));
    if (!isLeft) return false;
    // Two may see the same leftover: only the one whose rename succeeds removes it.
    const aside = `${file}.${String(process.pid)}`;
    renameSync(file, aside);
    rmSync(aside, { force: true });
  } catch {
    // Somebody else removed it first.
  }
  return false;
}
