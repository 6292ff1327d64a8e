import type { FsckFinding, FsckStore } from "@holdfast/core/api/fsck";
import { type Command, defineCommand, defined, flag, words } from "../command.ts";
import type { Context } from "../context.ts";
import { byteSize, duration } from "../render/humane.ts";
import { jobs, remoteOption, revisions } from "./sharedOptions.ts";

/** So many findings of a store are printed; `--json` has all. */
const MOST = 200;

/** `fsck`. */
export const fsck: Command = defineCommand({
  name: "fsck",
  summary: "Hash every object, find what is damaged or missing, and repair it.",
  description:
    "Hashes every object of the cache (with -r also of a remote), reads every manifest, and looks for each object that the workspace and the revisions asked for need. Changes nothing unless --repair is given. An interrupted check goes on where it stopped. The exit code is 1 when something is wrong and was not repaired.",
  examples: [
    { text: "The cache, and what the workspace needs", command: "fsck" },
    { text: "Cache and remote, for every commit", command: "fsck -A -r storage" },
    { text: "Repair from workspace, remotes and a colleague's project", command: "fsck --repair --from ../colleague" },
    { text: "From cron or CI", command: "fsck -r storage --json" },
  ],
  options: {
    remote: remoteOption("Also check this remote."),
    ...revisions,
    repair: flag(
      "--repair",
      "Bring in sound copies of what is damaged or missing; damaged bytes go to .dvc/tmp/quarantine.",
    ),
    from: words("--from", "<paths>", "Other caches, or projects that have one, to repair from.", { complete: "dir" }),
    allowMissing: flag("--allow-missing", "What is needed and not there is no problem."),
    restart: flag("--restart", "Begin anew, even when an earlier check was interrupted."),
    jobs,
  },
  positionals: {},
  async run(context, { json: _json, ...rest }) {
    const { fsck: check } = await import("@holdfast/core/api/fsck");
    const repo = await context.open();
    return check(repo, { ...context.call, ...defined(rest) });
  },
  exitCode: ({ ok }) => (ok ? 0 : 1),
  render(result, context, { repair, remote, allBranches, allTags, allCommits }) {
    for (const store of result.stores) printStore(store, context);
    const { repaired, unrepaired, unread } = result;
    for (const { name, reason } of unread.slice(0, MOST))
      context.line(`  ${context.paint("unread    ", "red")} ${name}: ${reason}`);
    if (unrepaired === 0 && unread.length > 0)
      context.line(context.paint("What these revisions need is not known: they can't be read.", "red"));
    else if (result.ok && repaired === 0) context.line(context.paint("Everything is sound.", "green"));
    else if (result.ok) context.line(context.paint(`Repaired ${objects(repaired)}; everything is sound now.`, "green"));
    else if (repair) context.line(context.paint(verdict(unrepaired, repaired), "red"));
    else {
      const scope = [allBranches ? " -a" : "", allTags ? " -T" : "", allCommits ? " -A" : ""].join("");
      const where = remote === undefined ? "" : ` -r ${remote}`;
      const way = `${context.programName} fsck --repair${scope}${where}`;
      context.line(context.paint(`${damaged(unrepaired)} Repair with \`${way}\`.`, "red"));
    }
  },
});

function damaged(count: number): string {
  return `${objects(count)} ${count === 1 ? "is" : "are"} damaged or missing.`;
}

function verdict(unrepaired: number, repaired: number): string {
  const text = damaged(unrepaired);
  const done = repaired === 0 ? "" : ` ${objects(repaired)} ${repaired === 1 ? "was" : "were"} repaired.`;
  return `${text}${done} No sound copy was found; look into other clones and backups, and name them with \`--from\`.`;
}

function printStore(store: FsckStore, context: Context): void {
  const { name, kind, url, bytes, seconds, findings } = store;
  const title = kind === "remote" ? `remote '${name}'` : name;
  const rate = seconds > 0.05 ? `, ${byteSize(bytes / seconds)}/s` : "";
  const counts = `${objects(store.objects)}, ${byteSize(bytes)} in ${duration(seconds)}${rate}`;
  context.line(`${context.paint(title, "bold")}  ${url}: ${counts}`);
  for (const finding of findings.slice(0, MOST)) printFinding(finding, context);
  if (findings.length > MOST) context.line(`  … and ${String(findings.length - MOST)} more (--json tells all)`);
}

function printFinding(finding: FsckFinding, context: Context): void {
  const isRepaired = finding.repairedFrom !== undefined;
  const state = context.paint(finding.problem.padEnd(10), isRepaired ? "yellow" : "red");
  const what = finding.path === undefined ? finding.oid : `${finding.path} (${finding.oid})`;
  context.line(`  ${state} ${what}${reasonOf(finding)}`);
  if (finding.quarantined !== undefined) context.line(`             its bytes are in ${finding.quarantined}`);
  if (isRepaired) context.line(`             repaired from ${finding.repairedFrom ?? ""}`);
}

function reasonOf({ problem, actual, detail, path }: FsckFinding): string {
  if (problem === "damaged")
    return `: its bytes have the hash ${actual ?? "unknown"}${path === undefined ? "; nothing that was looked at needs it" : ""}`;
  return detail === undefined ? "" : `: ${detail}`;
}

function objects(count: number): string {
  return `${String(count)} object${count === 1 ? "" : "s"}`;
}
