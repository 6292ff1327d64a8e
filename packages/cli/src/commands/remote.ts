import { type Command, type CommandGroup, defineCommand, defined, flag, maybe, one } from "../command.ts";
import { test } from "./remoteTest.ts";
import { levels } from "./sharedOptions.ts";

const add: Command = defineCommand({
  name: "add",
  summary: "Add a remote.",
  docs: "remote/add",
  examples: [
    { text: "A bucket as the default remote", command: "remote add -d storage s3://bucket/path" },
    { text: "A folder, for this clone only", command: "remote add --local -d nas /mnt/nas/store" },
  ],
  options: {
    ...levels,
    default: flag("-d/--default", "Make it the default remote."),
    force: flag("-f/--force", "Replace a remote of this name."),
  },
  positionals: { name: one("Its name."), url: one("Where it is: a folder or a URL.") },
  async run(context, { level, default: isDefault, force, name, url }) {
    const { addRemote } = await import("@holdfast/core/api/remote");
    if (isDefault) context.line(`Setting '${name.toLowerCase()}' as a default remote.`);
    return addRemote(context.env, name.toLowerCase(), url, {
      ...context.call,
      isDefault,
      force,
      ...defined({ level }),
    });
  },
});

const byDefault: Command = defineCommand({
  name: "default",
  summary: "Show, set or unset the default remote.",
  docs: "remote/default",
  examples: [{ text: "Use another remote from now on", command: "remote default backup" }],
  options: { ...levels, unset: flag("-u/--unset", "Have no default remote.") },
  positionals: { name: maybe("The remote.", "remote") },
  async run(context, { level, unset, name }) {
    const { defaultRemote } = await import("@holdfast/core/api/remote");
    return {
      ...(await defaultRemote(context.env, name?.toLowerCase(), { ...context.call, unset, ...defined({ level }) })),
      isAsked: name === undefined && !unset,
    };
  },
  toJson: (result) => ({ remote: result.remote ?? null }),
  exitCode: (result) => (result.isAsked && result.remote === undefined ? 1 : 0),
  render({ isAsked, remote: current }, context) {
    if (isAsked) context.line(current ?? "No default remote set");
  },
});

const modify: Command = defineCommand({
  name: "modify",
  summary: "Set or unset an option of a remote.",
  docs: "remote/modify",
  examples: [
    { text: "An S3-compatible server", command: "remote modify storage endpointurl https://minio.example.com" },
    { text: "A secret, kept out of Git", command: "remote modify --local storage secret_access_key 'mysecret'" },
  ],
  options: { ...levels, unset: flag("-u/--unset", "Remove the option.") },
  positionals: { name: one("The remote.", "remote"), option: one("The option."), value: maybe("Its new value.") },
  async run(context, { level, unset, name, option, value }) {
    const { modifyRemote } = await import("@holdfast/core/api/remote");
    return modifyRemote(context.env, name.toLowerCase(), option, unset ? undefined : (value ?? null), {
      ...context.call,
      ...defined({ level }),
    });
  },
});

const list: Command = defineCommand({
  name: "list",
  summary: "List all remotes.",
  docs: "remote/list",
  examples: [{ text: "Every remote, the default one marked", command: "remote list" }],
  options: { ...levels },
  positionals: {},
  async run(context, { level }) {
    const { listRemotes } = await import("@holdfast/core/api/remote");
    return listRemotes(context.env, defined({ level }));
  },
  render(remotes, context) {
    for (const { name, url, isDefault } of remotes) {
      const text = expandTabs(`${name}\t${url}${isDefault ? "\t(default)" : ""}`);
      context.line(isDefault ? context.paint(text, "green") : text);
    }
  },
});

const remove: Command = defineCommand({
  name: "remove",
  summary: "Remove a remote; what it stores stays.",
  docs: "remote/remove",
  examples: [{ text: "Forget a remote", command: "remote remove backup" }],
  options: { ...levels },
  positionals: { name: one("The remote.", "remote") },
  async run(context, { level, name }) {
    const { removeRemote } = await import("@holdfast/core/api/remote");
    return removeRemote(context.env, name.toLowerCase(), { ...context.call, ...defined({ level }) });
  },
});

const rename: Command = defineCommand({
  name: "rename",
  summary: "Rename a remote.",
  docs: "remote/rename",
  examples: [{ text: "Give a remote another name", command: "remote rename storage archive" }],
  options: { ...levels },
  positionals: { name: one("The remote.", "remote"), new: one("Its new name.") },
  async run(context, { level, name, new: newName }) {
    const { renameRemote } = await import("@holdfast/core/api/remote");
    return renameRemote(context.env, name.toLowerCase(), newName, { ...context.call, ...defined({ level }) });
  },
});

/** Tabs to spaces, stops every 8 columns. */
function expandTabs(text: string): string {
  return text
    .split("\t")
    .reduce((line, part, index) => (index === 0 ? part : line + " ".repeat(8 - (line.length % 8)) + part), "");
}

/** `remote`. */
export const remote: CommandGroup = {
  name: "remote",
  summary: "Set up remotes.",
  docs: "remote",
  commandsHelp: "See `remote COMMAND --help` for the help of one.",
  commands: [add, byDefault, modify, list, remove, rename, test],
};
