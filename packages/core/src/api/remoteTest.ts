import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { AccessFacts } from "../fs/filesystem.ts";
import type { OpenedStorage } from "../fs/open.ts";
import {
  AFTER_FAILURE,
  type ProbeName,
  type ProbeReport,
  type ProbeStep,
  probeStorage,
  unopened,
} from "../fs/probe.ts";
import { openStorageOf } from "../repo/remote.ts";
import type { Repo } from "../repo/repo.ts";
import { type ResolvedRemote, resolveRemote } from "../repo/resolveRemote.ts";
import { maskSecrets } from "../repo/secrets.ts";

export type { AccessFacts } from "../fs/filesystem.ts";
export type { ProbeName, ProbeProblem, ProbeStep } from "../fs/probe.ts";
export type { ProbeSpeed } from "../fs/probeSpeed.ts";

/** Options of {@link testRemote}. */
export interface RemoteTestOptions extends CallOptions {
  /** Bytes of the large object that speeds are measured with, default 8 MiB; 0 measures none. */
  readonly size?: number;
  /** Nothing is written: for a remote that only others may write to. */
  readonly readOnly?: boolean;
}

/** An option of the remote. */
export interface RemoteSetting {
  readonly option: string;
  /** Secrets as `***`. */
  readonly value: string;
  /** The config that sets it: `project`, `local`, `global`, `system`. */
  readonly level: string;
}

/** What a remote can be used for. `unknown`: not tried. */
export type Ability = "yes" | "no" | "unknown";

/** What {@link testRemote} found out. */
export interface RemoteTestResult {
  readonly name: string;
  readonly url: string;
  readonly settings: readonly RemoteSetting[];
  readonly access?: AccessFacts;
  readonly steps: readonly ProbeStep[];
  readonly speed?: ProbeReport["speed"];
  /** Whether `pull`, `push` and `gc -c` will work. */
  readonly can: { readonly pull: Ability; readonly push: Ability; readonly gc: Ability };
  /** What the findings mean and what to do, in sentences. */
  readonly advice: readonly string[];
  /** Probe objects that could not be removed again. */
  readonly left: readonly string[];
  readonly ok: boolean;
}

const DEFAULT_SIZE = 8 << 20;
const SHOWN_LEFT = 3;
/** Clocks may differ by so much before a signed request is refused somewhere. */
const SKEW_MS = 60_000;

/**
 * Finds out whether a remote works, by using it: looks for credentials, lists, writes, reads and removes an object of its
 * own, measures. Failures of the storage, and options that do not fit, are part of the result.
 * @throws {ConfigError} when there is no such remote
 */
export async function testRemote(
  repo: Repo,
  name?: string,
  options: RemoteTestOptions = {},
): Promise<RemoteTestResult> {
  const remote = resolveRemote(repo, name, "remote test");
  const report = await probed(repo, remote, options);
  const can = abilities(report);
  const settings = [...remote.options].map(([option, { value, level }]) => ({
    option,
    value: maskSecrets(option, value),
    level,
  }));
  const { hasListing: _, ...found } = report;
  return {
    name: remote.name,
    url: maskSecrets("url", remote.url),
    settings,
    ...found,
    can,
    advice: [...adviceOn(report, can), ...regionAdvice(remote, report)],
    ok: report.steps.every(({ outcome }) => outcome !== "failed") && (report.left.length === 0 || !mayRemove(report)),
  };
}

interface Probed extends ProbeReport {
  readonly hasListing: boolean;
}

async function probed(repo: Repo, remote: ResolvedRemote, options: RemoteTestOptions): Promise<Probed> {
  const { size = DEFAULT_SIZE, readOnly = false, signal } = options;
  let opened: OpenedStorage;
  try {
    opened = await openStorageOf(repo, remote);
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof DvcError)) throw error;
    return { steps: unopened(error), left: [], hasListing: true };
  }
  const { fs, root } = opened;
  try {
    const report = await probeStorage(fs, root, { size, readOnly, ...(signal === undefined ? {} : { signal }) });
    return { ...report, hasListing: fs.caps.listPage > 0 };
  } finally {
    await fs.close();
  }
}

function mayRemove({ steps }: ProbeReport): boolean {
  return steps.some(({ name, outcome }) => name === "remove" && outcome !== "skipped");
}

function abilities({ steps, hasListing }: Probed): RemoteTestResult["can"] {
  const passed = (...names: ProbeName[]): Ability => {
    const outcomes = names
      .map((name) => steps.filter((step) => step.name === name).map(({ outcome }) => outcome))
      .flat();
    if (outcomes.includes("failed")) return "no";
    return outcomes.every((outcome) => outcome === "passed") ? "yes" : "unknown";
  };
  const [list, write] = (["list", "write"] as const).map((name) => steps.find((step) => step.name === name)?.problem);
  // The same of both: nobody is let in at all.
  const isShut = list !== undefined && list.message === write?.message;
  const isDead = isShut || steps.some(({ note }) => note === AFTER_FAILURE);
  if (isDead) return { pull: "no", push: "no", gc: "no" };
  return {
    pull: passed("read"),
    push: passed("write", "stat"),
    gc: hasListing ? passed("list", "remove") : "no",
  };
}

/** The server corrects a wrong region, at the cost of a refused request each time. */
function regionAdvice({ name, options }: ResolvedRemote, { access }: ProbeReport): string[] {
  const wanted = options.get("region")?.value;
  const { region } = access ?? {};
  if (wanted === undefined || region === undefined || region === wanted) return [];
  return [
    `The bucket is in the region '${region}', not in '${wanted}': each command asks twice before it knows. Set it: \`remote modify ${name} region ${region}\`.`,
  ];
}

function adviceOn({ steps, access, left, speed }: ProbeReport, can: RemoteTestResult["can"]): string[] {
  const failed = new Map(steps.filter(({ outcome }) => outcome === "failed").map((step) => [step.name, step.problem]));
  const denied = (name: ProbeName): boolean => failed.get(name)?.code === "auth";
  const advice: string[] = [];
  if (denied("list") && can.push === "yes")
    advice.push(
      "Objects may be written and read but not listed: `gc -c` can't work, and `status -c` asks for each file. Grant the right to list.",
    );
  else if (denied("write") && !failed.has("list"))
    advice.push(
      "It may be listed but not written: `pull` can work, `push` can't. Grant the right to write, or test with --read-only.",
    );
  if (denied("read") && can.push === "yes")
    advice.push("What is written can't be read back: others will not be able to `pull`. Grant the right to read.");
  if (failed.has("remove")) advice.push("Objects can't be removed: `gc -c` will fail. Everything else can work.");
  if (failed.has("find") && !denied("find"))
    advice.push(
      "A new object is not listed at once: `status -c` and `push` may take objects for missing and send them again.",
    );
  if (failed.has("range"))
    advice.push("Parts of a file can't be read: large files are fetched in one piece and not resumed.");
  const skew = access?.clockSkewMs ?? 0;
  if (Math.abs(skew) > SKEW_MS)
    advice.push(
      `This machine's clock is ${String(Math.round(Math.abs(skew) / 1000))} s ${skew > 0 ? "behind" : "ahead of"} the server's. It was corrected for here; other programs may be refused. Set the clock.`,
    );
  if (speed !== undefined && speed.latencyMs.median > 200)
    advice.push(
      "Each question takes long: many small files will be slow. More at once helps: `remote modify NAME jobs 64`.",
    );
  if (left.length > 0) {
    const more = left.length - SHOWN_LEFT;
    const others = more > 0 ? ` and ${String(more)} more beside` : "";
    advice.push(`Left behind, remove it by hand: ${left.slice(0, SHOWN_LEFT).join(", ")}${others}`);
  }
  return advice;
}
