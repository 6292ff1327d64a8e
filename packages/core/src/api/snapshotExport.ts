import { closeSync, createReadStream, existsSync, fsyncSync, openSync, readFileSync, renameSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CorruptObjectError, DvcError, UsageError } from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import { type OsPath, posixRelative, type RelPath } from "../base/paths.ts";
import { removeLeftovers, removeQuietly, syncFolder, temporaryPath, writeAll } from "../fs/atomic.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { newMd5 } from "../hash/md5.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import { TransferProgress } from "../odb/transferProgress.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import { withRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import type { ArchiveHeader } from "../snapshots/archiveHeader.ts";
import { damagedBlob, isBlob } from "../scm/blobId.ts";
import { pack, packingOf } from "../snapshots/compression.ts";
import { findSnapshot, type FoundSnapshot, snapshotGit } from "../snapshots/find.ts";
import { snapshotObjects } from "../snapshots/objects.ts";
import { TAR_END, tarHeader, tarPadding } from "../snapshots/tar.ts";
import { fetchCollected } from "./fetch.ts";

export interface SnapshotExportOptions extends CallOptions {
  /** Replace the archive when it is there. */
  readonly force?: boolean;
  /** Where to fetch missing data. */
  readonly remote?: string;
}

export interface SnapshotExportResult {
  readonly name: string;
  readonly commit: string;
  readonly archive: OsPath;
  /** Of the archive. */
  readonly size: number;
  readonly code: number;
  readonly objects: number;
  /** Data and code before packing. */
  readonly bytes: number;
}

/** Code is read from Git in pieces of about so many bytes, or files. */
const CODE_BYTES = 32 << 20;
const CODE_FILES = 500;
/** Objects are read in pieces of so many bytes. */
const CHUNK = 1 << 20;

/**
 * Writes a snapshot, code, data and model, into one archive that needs nothing else to be brought back. The same snapshot
 * gives the same bytes. What the cache lacks is fetched first.
 * @param out `.tar.zst`, `.tar.gz` or `.tar`
 */
export async function snapshotExport(
  repo: Repo,
  name: string,
  out: string,
  options: SnapshotExportOptions = {},
): Promise<SnapshotExportResult> {
  const archive = resolve(repo.env.cwd, out);
  const packing = packingOf(archive);
  if (packing === undefined)
    throw new UsageError(`'${out}' does not say how to pack it`, { hint: "Name it .tar.zst, .tar.gz or .tar." });
  if (existsSync(archive) && options.force !== true)
    throw new DvcError(`'${out}' exists already`, { code: "exists", hint: "Replace it with --force." });
  const snapshot = findSnapshot(repo, name);
  return withRepoLock(repo, options, async () => {
    const objects = await objectsOf(repo, snapshot, options);
    const code = codeOf(repo, snapshot);
    const header = headerOf(repo, snapshot, code, objects);
    if (header.submodules.length > 0)
      warn(
        options,
        `files of submodules are not part of the archive: ${header.submodules.map(([path]) => path).join(", ")}`,
      );
    const progress = new TransferProgress(options.reporter, "Exporting", header.code + header.objects);
    removeLeftovers(archive);
    const temporary = temporaryPath(archive);
    const standIns: string[] = [];
    let size = 0;
    try {
      const file = openSync(temporary, "wx", 0o666);
      try {
        for await (const chunk of pack(
          contents(repo, header, { code, objects, standIns }, progress, options),
          packing,
        )) {
          writeAll(file, chunk);
          size += chunk.length;
        }
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, archive);
      syncFolder(dirname(archive));
    } finally {
      removeQuietly(temporary);
      progress.end();
    }
    if (standIns.length > 0)
      warn(options, `what Git LFS keeps is not part of the archive, only its pointers: ${standIns.join(", ")}`);
    const bytes = header.bytes + header.codeBytes;
    return { name, commit: snapshot.commit, archive, size, code: header.code, objects: header.objects, bytes };
  });
}

interface ArchivedObject {
  readonly name: string;
  readonly oid: string;
  readonly cache: ObjectDb;
  readonly size: number;
}

/** The objects in order of their names in the archive, as they lie on a remote. @throws {DvcError} `missing-object` */
async function objectsOf(
  repo: Repo,
  { name, index }: FoundSnapshot,
  options: SnapshotExportOptions,
): Promise<ArchivedObject[]> {
  const { remote, signal, reporter } = options;
  const call = { ...(signal === undefined ? {} : { signal }), ...(reporter === undefined ? {} : { reporter }) };
  const from = remote === undefined ? {} : { remote };
  await fetchCollected(repo, [{ selected: index.collect([]), index }], { ...call, ...from });
  const found = new Map<string, ArchivedObject>();
  for (const group of await snapshotObjects(repo, index, undefined, () => true)) {
    const cache = cacheFor(repo, { name: group.hashName, value: "" });
    const folder = group.hashName === "md5" ? "data/files/md5" : "data";
    for (const [oid, path] of group.names) {
      const size = cache.sizeOf(oid);
      if (size === undefined || group.unread.includes(oid))
        throw new DvcError(`'${path}' (${oid}) of snapshot '${name}' is neither in the cache nor on a remote`, {
          code: "missing-object",
          hint: `See what is missing: ${repo.env.programName} snapshot verify ${name}`,
        });
      const key = `${folder}/${oid.slice(0, 2)}/${oid.slice(2)}`;
      found.set(key, { name: key, oid, cache, size });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

interface ArchivedCode {
  readonly path: RelPath;
  readonly mode: string;
  readonly sha: string;
  readonly size: number;
}

function codeOf(repo: Repo, { commit }: FoundSnapshot): ArchivedCode[] {
  const git = snapshotGit(repo);
  const tree = git.tree(commit);
  const entries = [...tree.files()].flatMap((path) => {
    const entry = tree.entry(path);
    return entry === undefined ? [] : [{ path, ...entry }];
  });
  const asked = entries.filter(({ mode }) => mode !== "160000").map(({ sha }) => sha);
  const sizes = new Map<string, number>();
  const answer = git.run(["cat-file", "--batch-check"], { input: `${asked.join("\n")}\n` }).stdout.toString("latin1");
  for (const line of answer.split("\n")) {
    const [sha = "", type, size] = line.split(" ");
    if (type === "blob") sizes.set(sha, Number(size));
  }
  return entries.map((one) => {
    const size = one.mode === "160000" ? 0 : sizes.get(one.sha);
    if (size === undefined) throw damagedBlob(one.path, one.sha, NOT_MADE);
    return { ...one, size };
  });
}

function headerOf(
  repo: Repo,
  { name, commit }: FoundSnapshot,
  code: readonly ArchivedCode[],
  objects: readonly ArchivedObject[],
): ArchiveHeader {
  const git = snapshotGit(repo);
  const tagId = git.ref(`refs/tags/${name}`);
  const tagText =
    tagId === undefined || tagId === commit ? Buffer.alloc(0) : git.run(["cat-file", "tag", tagId], {}).stdout;
  // Of a tag of a tag only the name is kept: the one between would be missing.
  const isDirect = tagText.toString("latin1").startsWith(`object ${commit}\n`);
  const files = code.filter(({ mode }) => mode !== "160000");
  const sum = (sizes: readonly { readonly size: number }[]): number => sizes.reduce((all, { size }) => all + size, 0);
  return {
    format: 1,
    commit,
    commitObject: git.run(["cat-file", "commit", commit], {}).stdout.toString("base64"),
    tag: tagId === undefined ? null : name,
    tagObject: isDirect ? tagText.toString("base64") : null,
    project: posixRelative(git.root, repo.root),
    code: files.length,
    codeBytes: sum(files),
    objects: objects.length,
    bytes: sum(objects),
    submodules: code.filter(({ mode }) => mode === "160000").map(({ path, sha }) => [path, sha] as const),
  };
}

interface Parts {
  readonly code: readonly ArchivedCode[];
  readonly objects: readonly ArchivedObject[];
  /** Gets the files that stand for others, which Git LFS keeps elsewhere. */
  readonly standIns: string[];
}

const NOT_MADE = "No archive was made.";
/** How such a file begins (git-lfs, docs/spec.md). */
const LFS = "version https://git-lfs.github.com/spec/v1\n";

async function* contents(
  repo: Repo,
  header: ArchiveHeader,
  { code, objects, standIns }: Parts,
  progress: TransferProgress,
  { signal }: CallOptions,
): AsyncGenerator<Uint8Array> {
  yield* whole("snapshot.json", Buffer.from(`${JSON.stringify(header, null, 2)}\n`));
  for (const piece of inPieces(code.filter(({ mode }) => mode !== "160000"))) {
    const blobs = readBlobs(repo, piece);
    for (const [at, { path, mode }] of piece.entries()) {
      signal?.throwIfAborted();
      const bytes = blobs[at] as Buffer;
      const name = `code/${path}`;
      if (bytes.subarray(0, LFS.length).toString("latin1") === LFS) standIns.push(path);
      if (mode === "120000") yield tarHeader({ name, type: "link", size: 0, target: bytes.toString("utf8") });
      else yield* whole(name, bytes, mode === "100755");
      progress.add(1, bytes.length);
    }
  }
  for (const object of objects) {
    signal?.throwIfAborted();
    yield* objectBytes(object);
    progress.add(1, object.size);
  }
  yield TAR_END;
}

/** An object as it goes into the archive. @throws {CorruptObjectError} when its bytes are not those of its name */
async function* objectBytes({ name, oid, cache, size }: ArchivedObject): AsyncGenerator<Uint8Array> {
  const path = cache.pathOf(oid);
  yield tarHeader({ name, type: "file", size });
  const hash = newMd5();
  let count = 0;
  for await (const chunk of chunksOf(path, size)) {
    count += chunk.length;
    hash.update(chunk);
    yield chunk;
  }
  const actual = hash.digest("hex");
  // Of files of DVC 2.x the hash is that of their lines.
  const isHashed = cache.hashName === "md5" || isDirHash(oid);
  if (count !== size || (isHashed && actual !== oid.slice(0, 32))) {
    if (!cache.verify(oid))
      throw new CorruptObjectError(`'${path}' is damaged: its content has the hash ${actual}`, {
        path,
        expected: oid,
        actual,
        hint: "No archive was made. Get the object again with 'fsck --repair' or 'fetch', then export again.",
      });
    throw new DvcError(`'${path}' was changed while it was read`, { code: "io", hint: "Export again." });
  }
  yield tarPadding(size);
}

/** Small files at once: a stream for each takes a hundred times as long. */
function chunksOf(path: OsPath, size: number): AsyncIterable<Buffer> | readonly Buffer[] {
  return size > CHUNK
    ? (createReadStream(path, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>)
    : [readFileSync(path)];
}

function* whole(name: string, bytes: Buffer, isExecutable = false): Generator<Uint8Array> {
  yield tarHeader({ name, type: "file", size: bytes.length, isExecutable });
  yield bytes;
  yield tarPadding(bytes.length);
}

function* inPieces(code: readonly ArchivedCode[]): Generator<ArchivedCode[]> {
  let piece: ArchivedCode[] = [];
  let bytes = 0;
  for (const one of code) {
    piece.push(one);
    bytes += one.size;
    if (bytes < CODE_BYTES && piece.length < CODE_FILES) continue;
    yield piece;
    piece = [];
    bytes = 0;
  }
  if (piece.length > 0) yield piece;
}

function readBlobs(repo: Repo, code: readonly ArchivedCode[]): Buffer[] {
  const input = `${code.map(({ sha }) => sha).join("\n")}\n`;
  const out = snapshotGit(repo).run(["cat-file", "--batch"], { input }).stdout;
  let at = 0;
  return code.map((one) => {
    const start = out.indexOf(10, at) + 1;
    at = start + one.size + 1;
    const bytes = out.subarray(start, start + one.size);
    if (!isBlob(bytes, one.sha)) throw damagedBlob(one.path, one.sha, NOT_MADE);
    return bytes;
  });
}
