import {
  type Command,
  type CommandGroup,
  defineCommand,
  defined,
  flag,
  int,
  many,
  maybe,
  one,
  optionalText,
  text,
} from "../command.ts";
import { byteSize } from "../render/humane.ts";
import { printChanges } from "./changes.ts";
import { exportCommand, importArchive } from "./snapshotArchive.ts";
import { withTermination } from "../termination.ts";
import { jobs, remoteOption } from "./sharedOptions.ts";
import { printDiff, printList, printShow, printVerify, printWorkspaceChanges } from "./snapshotText.ts";

/** What `-r` without a name stands for; no remote can be called so. */
const ALL = "*";

const remotesOption = optionalText(
  "-r/--remote",
  "<name>",
  "Also ask this remote what it holds; without a name: all.",
  {
    const: ALL,
    complete: "remote",
  },
);

function remotesAsked(remote: string | undefined): { remotes?: readonly string[] | true } {
  return remote === undefined ? {} : { remotes: remote === ALL ? true : [remote] };
}

const save: Command = defineCommand({
  name: "save",
  summary: "Save code, data and model as one snapshot: a Git commit, and a tag on it.",
  description:
    "Shows what changed, stores changed data in the cache, commits pointer files and code in Git and makes an annotated tag; with --push it sends the data, then Git's branch and tag. Files that neither Git nor a stage knows stay out. When anything fails, pointer files, Git's index, HEAD and tags are as before; after a crash, the same command finishes. Git's hooks and identity are used as always.",
  examples: [
    { text: "What would be saved", command: "snapshot save --dry-run" },
    { text: "A named version, sent to the remotes", command: "snapshot save -m 'first good model' --tag v1.0 --push" },
    { text: "A name for what is committed already", command: "snapshot save --tag v1.1" },
  ],
  options: {
    message: text("-m/--message", "<text>", "Message of the commit and of the tag."),
    tag: text("-t/--tag", "<name>", "Make an annotated Git tag of this name."),
    push: flag("--push", "Send data to the remote, then commit and tag to Git's remote."),
    remote: remoteOption("The remote for the data (default: core.remote)."),
    dry: flag("--dry-run", "Change nothing; say what would be saved."),
    jobs,
  },
  positionals: {},
  async run(context, { message, tag, push, remote, dry, jobs: number, json }) {
    const { snapshotSave } = await import("@holdfast/core/api/snapshotSave");
    const repo = await context.open();
    const onChanges = json ? undefined : printWorkspaceChanges.bind(undefined, context);
    const rest = defined({ message, tag, remote, jobs: number, onChanges });
    return withTermination(context, () => snapshotSave(repo, { ...context.call, push, dry, ...rest }));
  },
  toJson: (result, { dry }) => ({ ...result, dryRun: dry }),
  render({ commit, isNew, tag, pushed, bytes, files }, context, { dry, push }) {
    if (dry) {
      const parts = ["a Git commit", ...(tag === null ? [] : [`the tag '${tag}'`]), ...(push ? ["a push"] : [])];
      context.line(`Nothing was changed: this was a dry run. Without it: ${parts.join(", ")}.`);
      return;
    }
    const name =
      tag === null ? `commit ${(commit ?? "").slice(0, 7)}` : `${tag} (commit ${(commit ?? "").slice(0, 7)})`;
    const held = `${String(files)} ${files === 1 ? "file" : "files"}, ${byteSize(bytes)} of data`;
    if (!isNew && tag === null && pushed === null) context.line("Nothing to save: the last commit has it all.");
    else context.line(context.paint(`Saved snapshot ${name}: ${held}.`, "green"));
    if (pushed !== null)
      context.line(
        `Pushed ${String(pushed.objects)} ${pushed.objects === 1 ? "object" : "objects"} (${byteSize(pushed.bytes)}) of data, then Git: ${pushed.git}.`,
      );
    else if (isNew || tag !== null)
      context.line(
        `Only this machine has it. To send it: ${context.programName} snapshot save${tag === null ? "" : ` --tag ${tag}`} --push`,
      );
  },
});

const list: Command = defineCommand({
  name: "list",
  aliases: ["ls"],
  summary: "List tags, and commits that changed tracked data, newest first.",
  description:
    "Lists every tag, and the commits of the current branch that changed tracked data, with the size of the data, metrics, who and when, and whether everything is in the cache; with -r also how much remotes hold.",
  examples: [
    { text: "The last five", command: "snapshot list -n 5" },
    { text: "Of every branch, with what the remotes hold", command: "snapshot list --all -r" },
  ],
  options: {
    number: int("-n/--number", "<n>", "At most so many."),
    all: flag("--all", "Of all branches, also those of Git's remotes."),
    remote: remotesOption,
  },
  positionals: {},
  async run(context, { number, all, remote }) {
    const { snapshotList } = await import("@holdfast/core/api/snapshotList");
    return snapshotList(await context.open(), {
      ...context.call,
      all,
      ...defined({ number }),
      ...remotesAsked(remote),
    });
  },
  render: (snapshots, context) => {
    printList(snapshots, context);
  },
});

const show: Command = defineCommand({
  name: "show",
  summary: "Show what is in a snapshot.",
  examples: [
    { text: "A version", command: "snapshot show v1.0" },
    { text: "And which remotes have all of it", command: "snapshot show v1.0 -r" },
  ],
  options: { remote: remotesOption },
  positionals: { snapshot: { ...one("A tag, a branch or a commit."), nargs: "?", default: "HEAD" } },
  async run(context, { snapshot, remote }) {
    const { snapshotShow } = await import("@holdfast/core/api/snapshotShow");
    return snapshotShow(await context.open(), snapshot, { ...context.call, ...remotesAsked(remote) });
  },
  render: (result, context) => {
    printShow(result, context);
  },
});

const diff: Command = defineCommand({
  name: "diff",
  summary: "Compare two snapshots: code, data, params and metrics.",
  examples: [
    { text: "Two versions", command: "snapshot diff v1.0 v2.0" },
    { text: "A version and the workspace", command: "snapshot diff v2.0" },
  ],
  options: {},
  positionals: {
    from: one("The older: a tag, a branch or a commit."),
    to: maybe("The newer (default: the workspace)."),
  },
  async run(context, { from, to }) {
    const { snapshotDiff } = await import("@holdfast/core/api/snapshotDiff");
    return snapshotDiff(await context.open(), from, to, context.call);
  },
  render: (result, context) => {
    printDiff(result, context);
  },
});

const restore: Command = defineCommand({
  name: "restore",
  summary: "Bring back a snapshot: all of it, only its data, or some paths.",
  description:
    "Checks out the commit in Git and its data in the workspace; what the cache lacks is fetched first. A workspace with work that is saved nowhere is left alone. A branch stays a branch; for a tag or a commit, HEAD is on no branch afterwards.",
  examples: [
    { text: "Code, data and model of a version", command: "snapshot restore v1.0" },
    { text: "And back to the newest", command: "snapshot restore main" },
    { text: "Old data under today's code", command: "snapshot restore v1.0 --data-only" },
    { text: "One model", command: "snapshot restore v1.0 model.pkl" },
  ],
  options: {
    dataOnly: flag("--data-only", "Leave the code as it is."),
    remote: remoteOption("Where to fetch what is missing (default: core.remote)."),
    jobs,
  },
  positionals: {
    snapshot: one("A tag, a branch or a commit."),
    paths: many("Only these files and folders.", "file"),
  },
  async run(context, { snapshot, paths, dataOnly, remote, jobs: number }) {
    const { snapshotRestore } = await import("@holdfast/core/api/snapshotRestore");
    const repo = await context.open();
    return snapshotRestore(repo, snapshot, { ...context.call, paths, dataOnly, ...defined({ remote, jobs: number }) });
  },
  render(result, context) {
    const { name, commit, branch, code, data, fetched } = result;
    if (fetched > 0) context.line(`Fetched ${String(fetched)} ${fetched === 1 ? "object" : "objects"}.`);
    printChanges(data, context);
    for (const path of code ?? []) context.line(`${context.paint("M", "yellow")}       ${path}`);
    context.line(
      context.paint(
        `Restored ${code === null ? "" : "from "}snapshot ${name} (commit ${commit.slice(0, 7)}).`,
        "green",
      ),
    );
    if (code === null && branch === null)
      context.line(`HEAD is on no branch now; go back with: ${context.programName} snapshot restore BRANCH`);
  },
});

const verify: Command = defineCommand({
  name: "verify",
  summary: "Prove that a snapshot can be had: each object is there, and its bytes are right.",
  description:
    "Looks for every object of the snapshot in the cache, or with -r on a remote; --deep reads and hashes every byte. Also checks that Git has the code. The exit code is 1 when something is missing or damaged. Changes nothing.",
  examples: [
    { text: "Is it all here?", command: "snapshot verify v1.0" },
    { text: "From CI: every byte on the remote", command: "snapshot verify v1.0 --remote --deep --json" },
  ],
  options: {
    remote: optionalText(
      "-r/--remote",
      "<name>",
      "Look at this remote instead of the cache; without a name: the default one.",
      {
        const: ALL,
        complete: "remote",
      },
    ),
    deep: flag("--deep", "Read and hash every byte."),
  },
  positionals: { snapshot: { ...one("A tag, a branch or a commit."), nargs: "?", default: "HEAD" } },
  async run(context, { snapshot, remote, deep }) {
    const { snapshotVerify } = await import("@holdfast/core/api/snapshotVerify");
    const where = remote === undefined ? {} : { remote: remote === ALL ? (true as const) : remote };
    return snapshotVerify(await context.open(), snapshot, { ...context.call, deep, ...where });
  },
  exitCode: ({ ok }) => (ok ? 0 : 1),
  render: (result, context) => {
    printVerify(result, context);
  },
});

/** `snapshot`. */
export const snapshot: CommandGroup = {
  name: "snapshot",
  summary: "Save, find, check and bring back versions of code, data and model together.",
  description:
    "A snapshot is a Git commit, most often with a tag, and the data that its .dvc files name: plain Git and DVC, nothing else.",
  commandsHelp: "See `snapshot COMMAND --help` for the help of one.",
  commands: [save, list, show, diff, restore, verify, exportCommand, importArchive],
};
