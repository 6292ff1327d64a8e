import type { SnapshotDiffResult } from "@holdfast/core/api/snapshotDiff";
import { flatMetrics, type SnapshotFacts } from "@holdfast/core/api/snapshotList";
import type { WorkspaceChanges } from "@holdfast/core/api/snapshotSave";
import type { SnapshotShowResult } from "@holdfast/core/api/snapshotShow";
import type { SnapshotVerifyResult } from "@holdfast/core/api/snapshotVerify";
import type { Context } from "../context.ts";
import type { Colour } from "../render/colour.ts";
import { byteSize } from "../render/humane.ts";
import { table } from "../render/table.ts";
import { diffTable } from "../render/valueTable.ts";

/** So many paths are printed in a list; `--json` has all. */
const MOST = 50;
/** So many metrics are columns of the list. */
const MOST_METRICS = 4;

const letters: Readonly<Record<string, readonly [string, Colour]>> = {
  added: ["A", "green"],
  new: ["A", "green"],
  deleted: ["D", "red"],
  modified: ["M", "yellow"],
  renamed: ["R", "green"],
  "not in cache": ["C", "yellow"],
};

function printPaths(
  context: Context,
  title: string,
  entries: readonly { readonly path: string; readonly change?: string }[],
): void {
  if (entries.length === 0) return;
  context.line(`${title}:`);
  for (const { path, change } of entries.slice(0, MOST)) {
    const [letter, colour] = letters[change ?? ""] ?? [" ", "yellow" as const];
    context.line(`  ${context.paint(letter, colour)} ${path}`);
  }
  if (entries.length > MOST) context.line(`  … and ${String(entries.length - MOST)} more (--json tells all)`);
}

/** What `save` is about to save. */
export function printWorkspaceChanges(context: Context, changes: WorkspaceChanges): void {
  printPaths(context, "Data", changes.data);
  printPaths(context, "Code and pointer files", changes.code);
  const plain = (paths: readonly string[]): { path: string }[] => paths.map((path) => ({ path }));
  const elsewhere = new Set(changes.elsewhere);
  const cached = changes.absent.filter((path) => !elsewhere.has(path));
  printPaths(context, "Not in the workspace, saved as recorded", plain(cached));
  printPaths(
    context,
    `Neither in the workspace nor in the cache, saved as recorded: see whether a remote has it (${context.programName} snapshot verify -r)`,
    plain(changes.elsewhere),
  );
  printPaths(
    context,
    `Not run since they changed (${context.programName} repro), saved as recorded`,
    plain(changes.stale),
  );
  printPaths(context, "Changed within submodules, left out (commit it there first)", plain(changes.submodules));
  printPaths(context, "Tracked by nobody, left out (git add, or holdfast add, them first)", plain(changes.untracked));
}

/** One line a snapshot. */
export function printList(snapshots: readonly SnapshotFacts[], context: Context): void {
  if (snapshots.length === 0) {
    context.line(`No snapshots yet. Make one: ${context.programName} snapshot save --tag v1.0`);
    return;
  }
  const keys = [...new Set(snapshots.flatMap(({ metrics }) => [...flatMetrics(metrics).keys()]))].slice(
    0,
    MOST_METRICS,
  );
  const rows = snapshots.map((one) => {
    const metrics = flatMetrics(one.metrics);
    return [
      one.tags.length > 0 ? one.tags.join(", ") : one.commit.slice(0, 7),
      one.date.slice(0, 16).replace("T", " "),
      one.author.name,
      one.problem === undefined ? byteSize(one.bytes) : "unread",
      one.problem === undefined ? String(one.files) : "-",
      ...keys.map((key) => valueOf(metrics.get(key))),
      placesOf(one),
      one.message,
    ];
  });
  const headers = ["Snapshot", "Date (UTC)", "Author", "Data", "Files", ...keys, "Complete in", "Message"];
  const [head = "", ...below] = table(rows, { headers, right: [3, 4] }).split("\n");
  context.block([context.paint(head, "bold"), ...below].join("\n"));
  for (const { commit, problem } of snapshots)
    if (problem !== undefined) context.line(`${commit.slice(0, 7)} can't be read: ${problem}`);
}

function placesOf({ local, remotes }: SnapshotFacts): string {
  const places = [
    ...(local.complete ? ["cache"] : []),
    ...Object.entries(remotes).flatMap(([name, held]) => (held === null ? [`${name}?`] : held.complete ? [name] : [])),
  ];
  return places.length === 0 ? "-" : places.join(", ");
}

function valueOf(value: unknown): string {
  if (value === undefined || value === null) return "-";
  if (typeof value === "number") return String(Number(value.toPrecision(5)));
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** All of one snapshot. */
export function printShow(result: SnapshotShowResult, context: Context): void {
  const { tags, commit, author, date, message, code } = result;
  context.line(`${context.paint(tags.length > 0 ? tags.join(", ") : result.name, "bold")}  ${message}`);
  context.line(`commit   ${commit}`);
  context.line(`made     ${date.slice(0, 16).replace("T", " ")} UTC by ${author.name} <${author.email}>`);
  context.line(`code     ${String(code)} files in Git`);
  context.line(`data     ${String(result.files)} files, ${byteSize(result.bytes)}`);
  context.line(`cache    ${heldText(result.local)}`);
  for (const [name, held] of Object.entries(result.remotes))
    context.line(`remote   ${name}: ${held === null ? "could not be asked" : heldText(held)}`);
  const rows = result.outputs.map(({ path, kind, size, files, type, isImport, hash }) => [
    kind === "folder" ? `${path}/` : path,
    size === null ? "?" : byteSize(size),
    files === null ? "?" : String(files),
    type ?? (isImport === true ? "import" : "-"),
    hash ?? "not recorded",
  ]);
  if (rows.length > 0) {
    context.line("");
    context.block(table(rows, { headers: ["Data", "Size", "Files", "Type", "Hash"], right: [1, 2] }));
  }
  const metrics = [...flatMetrics(result.metrics)];
  if (metrics.length > 0) {
    context.line("");
    context.block(
      table(
        metrics.map(([key, value]) => [key, valueOf(value)]),
        { headers: ["Metric", "Value"] },
      ),
    );
  }
}

function heldText({ objects, present, complete }: SnapshotFacts["local"]): string {
  if (complete) return `complete (${String(objects)} objects)`;
  return `incomplete: ${String(present)} of ${String(objects)} known objects`;
}

/** Code, data, params and metrics, each when it differs. */
export function printDiff({ from, to, code, data, params, metrics }: SnapshotDiffResult, context: Context): void {
  printPaths(context, "Code", code);
  const entries = [
    ...data.added.map(({ path }) => ({ path, change: "added" })),
    ...data.deleted.map(({ path }) => ({ path, change: "deleted" })),
    ...data.modified.map(({ path }) => ({ path, change: "modified" })),
    ...data.renamed.map(({ path }) => ({ path: `${path.old} -> ${path.new}`, change: "renamed" })),
  ];
  printPaths(
    context,
    `Data (${String(data.added.length)} added, ${String(data.deleted.length)} deleted, ${String(data.modified.length)} modified, ${String(data.renamed.length)} renamed)`,
    entries,
  );
  const look = { markdown: false, paint: context.paint, older: from, newer: to, withPath: true };
  const tables = [
    diffTable(params.files, { ...look, title: "Param", withChange: false }),
    diffTable(metrics.files, { ...look, title: "Metric", withChange: true, precision: 5 }),
  ].filter((one) => one !== "");
  for (const one of tables) {
    context.line("");
    context.block(one);
  }
  if (code.length + entries.length + tables.length === 0) context.line(`${from} and ${to} are equal.`);
}

/** What was looked at, and what is wrong. */
export function printVerify(result: SnapshotVerifyResult, context: Context): void {
  for (const { kind, name, url, objects } of result.stores)
    context.line(`${kind === "remote" ? `remote '${name}'` : name}  ${url}: ${String(objects)} objects`);
  for (const { store, problem, path, oid, detail } of result.problems.slice(0, MOST * 4)) {
    const what = `${path}${oid === undefined ? "" : ` (${oid})`}${detail === undefined ? "" : `: ${detail}`}`;
    context.line(`  ${context.paint(problem.padEnd(10), "red")} ${what}  in ${store}`);
  }
  const { length } = result.problems;
  if (length > MOST * 4) context.line(`  … and ${String(length - MOST * 4)} more (--json tells all)`);
  if (result.imports.length > 0)
    context.line(`Not looked at, other repositories keep it: ${result.imports.join(", ")}`);
  if (result.unpushed.length > 0)
    context.line(`Not looked at, no remote gets it (push: false): ${result.unpushed.join(", ")}`);
  const how = result.deep ? "every byte was read and is right" : "everything is there";
  if (result.ok) context.line(context.paint(`Snapshot ${result.name} is whole: ${how}.`, "green"));
  else {
    const count = `${String(length)} ${length === 1 ? "problem" : "problems"}`;
    const ways = repairs(result, context.programName);
    const repair = ways.length === 0 ? "" : ` Repair: ${ways.join(", or ")}`;
    context.line(context.paint(`Snapshot ${result.name} is not whole: ${count}.`, "red") + repair);
  }
}

/** What brings objects back into the stores that lack them. */
function repairs({ stores, problems }: SnapshotVerifyResult, program: string): string[] {
  const remotes = stores.flatMap(({ kind, name, problems }) =>
    kind === "remote" && problems.length > 0 ? [name] : [],
  );
  const isLocal = stores.some(({ kind, problems }) => kind !== "remote" && problems.length > 0);
  return [
    ...(problems.some(({ problem }) => problem === "code")
      ? ["git fsck, and get what it names from another clone"]
      : []),
    ...(isLocal ? [`${program} fetch --all-tags`, `${program} fsck --repair -A`] : []),
    ...remotes.flatMap((name) => [`${program} push --all-tags -r ${name}`, `${program} fsck --repair -A -r ${name}`]),
  ];
}
