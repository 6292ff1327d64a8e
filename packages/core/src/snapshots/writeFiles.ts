import { isUtf8 } from "node:buffer";
import { chmodSync, lstatSync, readFileSync, readlinkSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { type OsPath, posixRelative } from "../base/paths.ts";
import { guardPath } from "../data/planGuard.ts";
import { writeFileAtomic } from "../fs/atomic.ts";
import { md5Bytes } from "../hash/md5.ts";
import { note, noteText } from "../repo/journal.ts";
import { Keeper } from "../repo/keep.ts";
import type { Repo } from "../repo/repo.ts";
import { damagedBlob, isBlob } from "../scm/blobId.ts";
import { type FoundSnapshot, snapshotGit } from "./find.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** Files up to so many bytes are kept in the journal, larger ones and what is no text in the trash. */
const MOST_TEXT = 1 << 20;
/** Attributes of Git's by which a file is another one in the workspace than in a commit. */
const CONVERSIONS = ["filter", "text", "eol", "working-tree-encoding", "ident"];

const NOT_WRITTEN = "It was not written.";

/** Makes files of Git's as the commit has them, and notes what they were. @returns those that are in it */
export function writeFromCommit(repo: Repo, snapshot: FoundSnapshot, files: readonly OsPath[]): OsPath[] {
  const converted = convertedFiles(repo, files);
  const keeper = new Keeper(repo, "snapshot restore");
  try {
    return files.filter((path) => writeOne(repo, snapshot, path, keeper, converted));
  } finally {
    keeper.finish();
  }
}

/** Those of the files that Git does not check out byte by byte: by its settings or attributes it converts line ends, encodings, or runs a filter. */
function convertedFiles(repo: Repo, files: readonly OsPath[]): Set<OsPath> {
  const git = snapshotGit(repo);
  if (files.length === 0) return new Set();
  if (git.config("core.autocrlf")?.toLowerCase() === "true") return new Set(files);
  const input = files.map((path) => `${posixRelative(git.root, path)}\0`).join("");
  const fields = git
    .run(["check-attr", "-z", "--stdin", ...CONVERSIONS], { input })
    .stdout.toString("utf8")
    .split("\0");
  const found = new Set<OsPath>();
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [path = "", , value = ""] = fields.slice(at, at + 3);
    if (value !== "unspecified" && value !== "unset") found.add(join(git.root, path));
  }
  return found;
}

/** What Git would check out. */
function contentOf(repo: Repo, path: OsPath, sha: string): Buffer {
  const git = snapshotGit(repo);
  return git.run(["cat-file", "--filters", `--path=${posixRelative(git.root, path)}`, sha], {}).stdout;
}

function writeOne(
  repo: Repo,
  { commit }: FoundSnapshot,
  path: OsPath,
  keeper: Keeper,
  converted: ReadonlySet<OsPath>,
): boolean {
  const git = snapshotGit(repo);
  const tree = git.tree(commit);
  const entry = tree.entry(posixRelative(git.root, path));
  if (entry === undefined || entry.mode === "160000") return false;
  guardPath(git.root, path);
  if (entry.mode === "120000") {
    const to = tree.blobText(entry.sha);
    if (to === undefined) throw damagedBlob(path, entry.sha, NOT_WRITTEN);
    writeLink(path, to, keeper);
    return true;
  }
  const raw = tree.readBytes(path);
  if (raw === undefined || !isBlob(raw, entry.sha)) throw damagedBlob(path, entry.sha, NOT_WRITTEN);
  const bytes = converted.has(path) ? contentOf(repo, path, entry.sha) : raw;
  const old = lstatSync(path, { throwIfNoEntry: false });
  const before = old?.isFile() === true ? readFileSync(path) : undefined;
  if (before?.equals(bytes) !== true) {
    noteFile(repo, path, old === undefined ? null : before, bytes, keeper);
    writeFileAtomic(path, bytes, { parents: true, inside: git.root });
  }
  setExecutable(path, entry.mode === "100755");
  return true;
}

function writeLink(path: OsPath, target: string, keeper: Keeper): void {
  const old = lstatSync(path, { throwIfNoEntry: false });
  if (old?.isSymbolicLink() === true && readlinkSync(path) === target) return;
  keeper.keep(path);
  makeFolders(dirname(path));
  symlinkSync(target, path);
}

/** `before`: null for nothing there, undefined for something other than a file. */
function noteFile(repo: Repo, path: OsPath, before: Buffer | null | undefined, after: Buffer, keeper: Keeper): void {
  if (before !== undefined && (before === null || isShortText(before)) && isShortText(after)) {
    noteText(repo, path, before?.toString("utf8"), after.toString("utf8"));
    return;
  }
  keeper.keep(path);
  note(repo, { kind: "data", path, before: null, after: { name: "md5", value: md5Bytes(after) } });
}

function isShortText(bytes: Buffer): boolean {
  return bytes.length <= MOST_TEXT && isUtf8(bytes);
}

function setExecutable(path: OsPath, isExecutable: boolean): void {
  const { mode } = lstatSync(path);
  const wanted = isExecutable ? mode | ((mode & 0o444) >> 2) : mode & ~0o111;
  if (wanted !== mode) chmodSync(path, wanted & 0o7777);
}
