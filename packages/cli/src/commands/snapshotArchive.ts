import { relative } from "node:path";
import { type Command, defineCommand, defined, flag, maybe, one } from "../command.ts";
import { byteSize } from "../render/humane.ts";
import { remoteOption } from "./sharedOptions.ts";

/** `snapshot export`. */
export const exportCommand: Command = defineCommand({
  name: "export",
  summary: "Write a snapshot, code, data and model, into one archive.",
  description:
    "The archive needs nothing else to be brought back: no network, no remote, no repository. The same snapshot gives the same bytes. What the cache lacks is fetched first.",
  examples: [
    { text: "To hand over or to keep", command: "snapshot export v1.0 model-v1.0.tar.zst" },
    { text: "For programs that know gzip only", command: "snapshot export v1.0 model-v1.0.tar.gz" },
  ],
  options: {
    force: flag("-f/--force", "Replace the archive when it is there."),
    remote: remoteOption("Where to fetch what is missing (default: core.remote)."),
  },
  positionals: {
    snapshot: one("A tag, a branch or a commit."),
    archive: one("The archive: .tar.zst, .tar.gz or .tar.", "file"),
  },
  async run(context, { snapshot, archive, force, remote }) {
    const { snapshotExport } = await import("@holdfast/core/api/snapshotExport");
    const repo = await context.open();
    return snapshotExport(repo, snapshot, archive, { ...context.call, force, ...defined({ remote }) });
  },
  render({ name, archive, size, code, objects, bytes }, context) {
    const held = `${String(code)} files of code, ${String(objects)} objects of data, ${byteSize(bytes)}`;
    const file = relative(context.env.cwd, archive);
    context.line(context.paint(`Exported snapshot ${name} to ${file}: ${held} in ${byteSize(size)}.`, "green"));
  },
});

/** `snapshot import`. */
export const importArchive: Command = defineCommand({
  name: "import",
  summary: "Bring a snapshot back from its archive into a new folder.",
  description:
    "Makes a folder with code, data and model, a cache, and a Git repository that holds the commit and its tag. Paths are checked and all bytes compared with their hashes; the folder appears only when everything is right.",
  examples: [
    { text: "Into the folder model-v1.0", command: "snapshot import model-v1.0.tar.zst" },
    { text: "Elsewhere", command: "snapshot import model-v1.0.tar.zst /srv/model" },
  ],
  options: {},
  positionals: {
    archive: one("The archive.", "file"),
    dir: maybe("The new folder (default: the archive's name without its ending).", "dir"),
  },
  async run(context, { archive, dir }) {
    const { snapshotImport } = await import("@holdfast/core/api/snapshotImport");
    return snapshotImport(context.env, archive, dir, context.call);
  },
  render({ dir, commit, tag, code, objects, bytes }, context) {
    const name = tag === null ? commit.slice(0, 7) : `${tag} (commit ${commit.slice(0, 7)})`;
    context.line(
      context.paint(
        `Imported snapshot ${name} to ${dir}: ${String(code)} files of code, ${String(objects)} objects of data (${byteSize(bytes)}).`,
        "green",
      ),
    );
  },
});
