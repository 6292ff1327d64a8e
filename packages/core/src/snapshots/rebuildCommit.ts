import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CorruptObjectError } from "../base/errors.ts";
import type { OsPath, RelPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { runGit } from "../scm/gitProcess.ts";
import type { ArchiveHeader } from "./archiveHeader.ts";

/** A file of code that was brought from an archive. */
export interface ImportedFile {
  readonly path: RelPath;
  readonly mode: "100644" | "100755" | "120000";
  /** Where a link leads. */
  readonly target?: string;
}

/** Names that `--stdin-paths` would take for others: it unquotes lines, and ends them at CR LF, too. */
const NOT_A_LINE = /^"|\n|\r$/;

/**
 * Makes a Git repository in `folder` with the very commit, and tag, of an archive. Its files must have exactly the hashes that
 * the commit says.
 * @throws {CorruptObjectError} when they have not, {ScmError}
 */
export function rebuildCommit(
  env: Environment,
  folder: OsPath,
  header: ArchiveHeader,
  files: readonly ImportedFile[],
  archive: string,
): void {
  const run = (args: readonly string[], input?: string | Buffer): string =>
    runGit(env, args, { cwd: folder, untrusted: true, ...(input === undefined ? {} : { input }) })
      .stdout.toString("latin1")
      .trim();
  const format = header.commit.length === 64 ? ["--object-format=sha256"] : [];
  run(["init", "--quiet", "--template=", "--initial-branch=main", ...format, "."]);
  const plain = files.filter(({ target, path }) => target === undefined && !NOT_A_LINE.test(path));
  const hashes = new Map<RelPath, string>();
  const hash = ["hash-object", "-w", "--no-filters"];
  const listed =
    plain.length === 0
      ? []
      : run([...hash, "--stdin-paths"], `${plain.map(({ path }) => path).join("\n")}\n`).split("\n");
  for (const [at, { path }] of plain.entries()) hashes.set(path, listed[at] ?? "");
  for (const { path, target } of files) {
    if (target !== undefined) hashes.set(path, run([...hash, "--stdin"], target));
    else if (!hashes.has(path)) hashes.set(path, run([...hash, "--", path]));
  }
  const lines = [
    ...files.map(({ path, mode }) => `${mode} ${hashes.get(path) ?? ""}\t${path}`),
    ...header.submodules.map(([path, sha]) => `160000 ${sha}\t${path}`),
  ];
  if (lines.length > 0) run(["update-index", "-z", "--index-info"], `${lines.join("\0")}\0`);
  const commitObject = Buffer.from(header.commitObject, "base64");
  const tree = /^tree ([0-9a-f]+)\n/.exec(commitObject.toString("latin1"))?.[1] ?? "";
  expect(tree, run(["write-tree"]), "its code is not that of its commit");
  expect(
    header.commit,
    run(["hash-object", "-t", "commit", "-w", "--stdin"], commitObject),
    "its commit is another one",
  );
  // Parents are not part of the archive.
  if (/^parent /m.test(commitObject.toString("latin1").split("\n\n")[0] ?? ""))
    writeFileSync(join(folder, ".git", "shallow"), `${header.commit}\n`);
  run(["update-ref", "refs/heads/main", header.commit]);
  if (header.tag !== null) {
    const tagged =
      header.tagObject === null
        ? header.commit
        : run(["hash-object", "-t", "tag", "-w", "--stdin"], Buffer.from(header.tagObject, "base64"));
    if (header.tagObject !== null)
      expect(header.commit, run(["rev-parse", "--verify", `${tagged}^{commit}`]), "its tag names another commit");
    run(["check-ref-format", `refs/tags/${header.tag}`]);
    run(["update-ref", `refs/tags/${header.tag}`, tagged]);
  }

  function expect(expected: string, actual: string, reason: string): void {
    if (expected === actual) return;
    throw new CorruptObjectError(`'${archive}' is damaged: ${reason}`, { path: archive, expected, actual });
  }
}
