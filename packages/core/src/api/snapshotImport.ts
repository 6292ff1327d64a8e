import { closeSync, lstatSync, openSync, renameSync, rmSync, statfsSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { CorruptObjectError, DvcError, FormatError, UnsafePathError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { checkManifestPath, isReservedName, isStrictlyInside, type OsPath, type RelPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { leftoversOf, removeLeftovers, removeQuietly, syncFolder, temporaryPath, writeAll } from "../fs/atomic.ts";
import { newMd5 } from "../hash/md5.ts";
import { isOid } from "../hash/hashInfo.ts";
import { syncFileSystem } from "../odb/durable.ts";
import { ObjectDb } from "../odb/objectDb.ts";
import { TransferProgress } from "../odb/transferProgress.ts";
import { loadIndex } from "../repo/index.ts";
import { openRepo } from "../repo/repo.ts";
import { type ArchiveHeader, MAX_HEADER, parseHeader } from "../snapshots/archiveHeader.ts";
import { unpack } from "../snapshots/compression.ts";
import { isEmptyFolder, keepOwnCache } from "../snapshots/importPlace.ts";
import { moveIn, takeBackMove } from "../snapshots/moveIn.ts";
import { type ImportedFile, rebuildCommit } from "../snapshots/rebuildCommit.ts";
import { type TarEntry, TarReader } from "../snapshots/tar.ts";
import { checkoutSelected } from "./checkout.ts";
import { makeFolders } from "../fs/makeFolders.ts";

export interface SnapshotImportResult {
  /** The new folder. */
  readonly dir: OsPath;
  readonly commit: string;
  readonly tag: string | null;
  readonly code: number;
  readonly objects: number;
  readonly bytes: number;
}

/**
 * Brings a snapshot back from its archive into a new folder, with a Git repository that holds its commit and tag. Nothing of
 * the archive is trusted: paths are checked, all bytes are compared with their hashes, and the folder appears only when all of it is right.
 * @param dir default: the archive's name without its ending, in the working folder
 * @throws {FormatError}, {UnsafePathError}, {CorruptObjectError}; nothing is left behind
 */
export async function snapshotImport(
  env: Environment,
  archive: string,
  dir?: string,
  options: CallOptions = {},
): Promise<SnapshotImportResult> {
  const file = resolve(env.cwd, archive);
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined)
    throw new DvcError(`'${archive}' does not exist`, { code: "not-found" });
  const target = resolve(env.cwd, dir ?? basename(file).replace(/\.(tar(\.\w+)?|tgz|tzst)$/i, ""));
  const isThere = lstatSync(target, { throwIfNoEntry: false }) !== undefined;
  // Into an empty folder it goes piece by piece: somebody may be in it, or a disk be mounted there.
  const stage = isThere ? join(target, "import") : target;
  if (isThere) takeBackMove(target, stage);
  if (target === file || (isThere && !isEmptyFolder(target, leftoversOf(stage))))
    throw new DvcError(`'${target}' exists already and is no empty folder`, {
      code: "exists",
      hint: `Name another one: ${env.programName} snapshot import ${archive} DIR`,
    });
  removeLeftovers(stage);
  const folder = temporaryPath(stage);
  makeFolders(folder);
  try {
    const header = await new Import(env, file, folder, options).run();
    // Git flushes little of what it writes: all of it must last when the folder gets its name.
    syncFileSystem(folder);
    if (isThere) moveIn(folder, target, stage);
    else renameSync(folder, target);
    syncFolder(dirname(stage));
    const { commit, tag, code, objects, bytes } = header;
    return { dir: target, commit, tag, code, objects, bytes };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

class Import {
  readonly #env: Environment;
  readonly #file: OsPath;
  readonly #folder: OsPath;
  readonly #options: CallOptions;
  readonly #files: ImportedFile[] = [];
  readonly #seen = { code: 0, codeBytes: 0, objects: 0, bytes: 0 };

  constructor(env: Environment, file: OsPath, folder: OsPath, options: CallOptions) {
    this.#env = env;
    this.#file = file;
    this.#folder = folder;
    this.#options = options;
  }

  async run(): Promise<ArchiveHeader> {
    const reader = new TarReader(unpack(this.#file), this.#file);
    const header = await this.#header(reader);
    this.#expectRoom(header);
    if (header.project !== ".") checkManifestPath(header.project, this.#file);
    const project = resolve(this.#folder, header.project);
    const progress = new TransferProgress(this.#options.reporter, "Importing", header.code + header.objects);
    const cacheDir = join(project, ".dvc", "cache");
    const caches = {
      "3.x": new ObjectDb(cacheDir, { layout: "3.x" }),
      legacy: new ObjectDb(cacheDir, { layout: "legacy" }),
    };
    try {
      for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
        this.#options.signal?.throwIfAborted();
        this.#count(entry, header);
        if (entry.name.startsWith("code/")) await this.#code(entry, reader);
        else await this.#object(entry, reader, caches);
        progress.add(1, entry.size);
      }
    } finally {
      progress.end();
    }
    const { code, codeBytes, objects, bytes } = header;
    if (JSON.stringify(this.#seen) !== JSON.stringify({ code, codeBytes, objects, bytes }))
      throw this.#bad("it does not hold as much as it says");
    caches["3.x"].flush();
    caches.legacy.flush();
    rebuildCommit(this.#env, this.#folder, header, this.#files, this.#file);
    for (const [path] of header.submodules) {
      this.#checkPath(path);
      makeFolders(join(this.#folder, path)); // as `git clone` leaves them
    }
    await this.#checkout(project, cacheDir);
    for (const { path, target } of this.#files) if (target !== undefined) this.#link(path, target);
    return header;
  }

  /** What cannot fit is not begun: an archive of a few bytes may hold a disk full of zeros. */
  #expectRoom({ bytes, codeBytes }: ArchiveHeader): void {
    const { bavail, bsize } = statfsSync(this.#folder);
    const [wanted, free] = [bytes + codeBytes, bavail * bsize];
    if (wanted > free)
      throw new DvcError(`'${this.#file}' holds ${String(wanted)} bytes, but only ${String(free)} are free here`, {
        code: "io",
        hint: "Nothing was imported. Make room, or import it on another disk.",
      });
  }

  async #header(reader: TarReader): Promise<ArchiveHeader> {
    const first = await reader.next();
    if (first?.name !== "snapshot.json" || first.size > MAX_HEADER)
      throw this.#bad("it does not begin with snapshot.json");
    const chunks: Buffer[] = [];
    for await (const chunk of reader.body()) chunks.push(Buffer.from(chunk));
    return parseHeader(Buffer.concat(chunks).toString("utf8"), this.#file);
  }

  /** Nothing may be larger, or more, than the header says. */
  #count(entry: TarEntry, header: ArchiveHeader): void {
    const seen = this.#seen;
    if (entry.name.startsWith("code/")) {
      seen.code++;
      seen.codeBytes += entry.type === "link" ? Buffer.byteLength(entry.target ?? "") : entry.size;
    } else {
      seen.objects++;
      seen.bytes += entry.size;
    }
    for (const key of ["code", "codeBytes", "objects", "bytes"] as const)
      if (seen[key] > header[key]) throw this.#bad("it holds more than it says");
  }

  async #code(entry: TarEntry, reader: TarReader): Promise<void> {
    const path = entry.name.slice("code/".length);
    this.#checkPath(path);
    if (entry.type === "link") {
      this.#files.push({ path, mode: "120000", target: entry.target ?? "" });
      return;
    }
    const place = join(this.#folder, path);
    await this.#write(place, entry, reader, () => undefined);
    this.#files.push({ path, mode: entry.isExecutable === true ? "100755" : "100644" });
  }

  /** As a manifest's paths, but the files of `.dvc` that belong to a commit may be there. */
  #checkPath(path: RelPath): void {
    const parts = path.split("/").map((part) => (part.toLowerCase() === ".dvc" ? "dvc" : part));
    checkManifestPath(parts.join("/"), this.#file);
    const at = path.split("/").findIndex((part) => isReservedName(part));
    const next = at < 0 ? undefined : path.split("/")[at + 1]?.toLowerCase();
    // A person's own settings, and what this program alone writes.
    if (next !== undefined && /^(config\.local|cache|tmp|trash)\b/.test(next))
      throw new UnsafePathError(`unsafe path ${JSON.stringify(path)} in '${this.#file}'`, {
        hint: "Nothing was written. The file may have been tampered with; get it again from its owner.",
      });
  }

  async #object(
    entry: TarEntry,
    reader: TarReader,
    caches: Readonly<Record<"3.x" | "legacy", ObjectDb>>,
  ): Promise<void> {
    const [, modern, first = "", rest = ""] =
      /^data\/(files\/md5\/)?([0-9a-f]{2})\/([0-9a-f]{30}(?:\.dir)?)$/.exec(entry.name) ?? [];
    const oid = first + rest;
    if (!isOid(oid) || entry.type !== "file") throw this.#bad(`it holds ${JSON.stringify(entry.name)}`);
    const cache = caches[modern === undefined ? "legacy" : "3.x"];
    const temporary = cache.temporaryFor();
    try {
      const hash = newMd5();
      await this.#write(temporary, entry, reader, (chunk) => hash.update(chunk));
      const actual = hash.digest("hex");
      const isKnown = modern !== undefined || oid.endsWith(".dir");
      if (isKnown && actual !== oid.slice(0, 32))
        throw new CorruptObjectError(`${entry.name} in '${this.#file}' is damaged: its bytes have the hash ${actual}`, {
          path: this.#file,
          expected: oid,
          actual,
        });
      cache.adopt(temporary, oid, isKnown);
    } finally {
      removeQuietly(temporary);
    }
  }

  async #write(place: OsPath, entry: TarEntry, reader: TarReader, see: (chunk: Buffer) => void): Promise<void> {
    if (!isStrictlyInside(this.#folder, place)) throw this.#bad(`it holds ${JSON.stringify(entry.name)}`);
    let file: number;
    try {
      makeFolders(dirname(place));
      file = openSync(place, "wx", entry.isExecutable === true ? 0o777 : 0o666);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EEXIST" || code === "ENOTDIR") throw this.#bad(`it holds ${JSON.stringify(entry.name)} twice`);
      throw error;
    }
    try {
      for await (const chunk of reader.body()) {
        see(chunk);
        writeAll(file, chunk);
      }
    } finally {
      closeSync(file);
    }
  }

  /** Data into the workspace. Copies: links would point to where the folder is made, not where it will be. */
  async #checkout(project: OsPath, cacheDir: OsPath): Promise<void> {
    const own = join(project, ".dvc", "tmp");
    makeFolders(own);
    const configFile = join(own, "import.config");
    writeFileSync(configFile, "[cache]\n    type = copy\n[core]\n    no_scm = false\n");
    // Facts about files are written here, not where a config of the archive says.
    const env = { ...this.#env, cwd: project, env: { ...this.#env.env, DVC_SITE_CACHE_DIR: join(own, "site") } };
    const repo = await openRepo(env, { ...this.#options, cacheDir, configFile });
    try {
      await checkoutSelected(repo, loadIndex(repo).collect([]), this.#options);
    } finally {
      repo.close();
      rmSync(own, { recursive: true, force: true });
    }
    keepOwnCache(this.#env, project, cacheDir);
  }

  /** Links come last: nothing is written through them. */
  #link(path: RelPath, target: string): void {
    const place = join(this.#folder, path);
    makeFolders(dirname(place));
    symlinkSync(target, place);
  }

  #bad(reason: string): FormatError {
    return new FormatError(`'${this.#file}' is no snapshot archive, or damaged: ${reason}`, { file: this.#file });
  }
}
