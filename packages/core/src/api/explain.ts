import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { parseParams } from "../formats/params.ts";
import { toPlain } from "../formats/pyValues.ts";
import type { EntryState, PresentState } from "../pipeline/changed.ts";
import { isCallback } from "../pipeline/changed.ts";
import type { StageGraph } from "../pipeline/graph.ts";
import { selectParams } from "../pipeline/paramsValues.ts";
import type { Dependency, Output, Stage } from "../pipeline/stage.ts";
import { loadIndex } from "../repo/index.ts";
import { withRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownPath } from "../repo/shown.ts";
import { type ChoiceOptions, collectWanted, stepsFor } from "./repro.ts";
import { type Changes, findChanges, isChanged } from "./runChanges.ts";
import { findRestorable } from "./runRestore.ts";

/** How `repro` would be called. */
export interface ExplainOptions extends CallOptions, ChoiceOptions {
  readonly force?: boolean;
  readonly forceDownstream?: boolean;
  readonly allowMissing?: boolean;
  readonly noRunCache?: boolean;
}

/** Why a stage would run. Paths as they are shown. */
export type Reason =
  | { readonly kind: "forced" }
  /** It has neither dependencies nor outputs, or says `always_changed`. */
  | { readonly kind: "always" }
  /** dvc.lock knows nothing of it. */
  | { readonly kind: "never-run" }
  | { readonly kind: "command"; readonly from: unknown; readonly to: unknown }
  /** The text of a `.dvc` file does not fit the checksum in it. */
  | { readonly kind: "file" }
  | { readonly kind: "dependency"; readonly path: string; readonly state: EntryState }
  | { readonly kind: "output"; readonly path: string; readonly state: EntryState }
  | {
      readonly kind: "param";
      readonly file: string;
      /** Dotted; undefined for the whole file. */
      readonly key?: string;
      readonly state: EntryState;
      readonly from?: unknown;
      readonly to?: unknown;
    }
  /** A stage before it would run, and may change these paths. */
  | { readonly kind: "upstream"; readonly stage: string; readonly paths: readonly string[] };

/** `maybe`: it runs if what a stage before it makes comes out different. */
export type Decision = "run" | "restore" | "record" | "maybe" | "skip";

/** What `repro` would do with a stage. */
export interface Explanation {
  readonly stage: string;
  readonly decision: Decision;
  /** Its dependencies do not count. */
  readonly frozen: boolean;
  readonly reasons: readonly Reason[];
}

/**
 * Says of each stage that `repro` would look at, in its order, what would become of it and why. Changes nothing.
 * @throws {DvcError} for targets that are none.
 */
export async function explain(
  repo: Repo,
  targets: readonly string[] = [],
  options: ExplainOptions = {},
): Promise<{ readonly stages: readonly Explanation[] }> {
  return withRepoLock(repo, { ...options, readOnly: true }, async () => {
    const index = loadIndex(repo);
    const wanted = options.allPipelines === true ? [] : collectWanted(repo, index, targets, options);
    const { graph, steps } = stepsFor(index, wanted, options);
    const forecast = new Forecast(repo, graph, options);
    const stages: Explanation[] = [];
    for (const stage of steps) stages.push(await forecast.explain(stage));
    return { stages };
  });
}

/** Follows the stages in order, and remembers what the earlier ones would leave behind. */
class Forecast {
  readonly #repo: Repo;
  readonly #graph: StageGraph | undefined;
  readonly #options: ExplainOptions;
  readonly #decided = new Map<Stage, Decision>();
  /** Outputs that would be restored, by path. */
  readonly #restored = new Map<OsPath, Output>();
  readonly #forced = new Set<Stage>();

  constructor(repo: Repo, graph: StageGraph | undefined, options: ExplainOptions) {
    this.#repo = repo;
    this.#graph = graph;
    this.#options = options;
  }

  async explain(stage: Stage): Promise<Explanation> {
    const isForced = this.#options.force === true || this.#forced.has(stage);
    const upstream = this.#upstreamReasons(stage);
    const asLeft = this.#asLeft(stage);
    const { changes, present } = await findChanges(this.#repo, stage, this.#options, asLeft);
    const own = isForced || this.#isChanged(stage, changes) ? this.#reasons(stage, changes, present) : [];
    const reasons: Reason[] = [...(isForced ? [{ kind: "forced" } as const] : []), ...own, ...upstream];
    const decision = await this.#decide(stage, isForced, own.length > 0, upstream.length > 0);
    this.#decided.set(stage, decision);
    if (this.#options.forceDownstream === true && decision !== "skip") {
      for (const one of this.#graph?.downstream(stage) ?? []) this.#forced.add(one);
    }
    return { stage: addressOf(this.#repo, stage), decision, frozen: stage.frozen, reasons };
  }

  #isChanged(stage: Stage, changes: Changes): boolean {
    return isChanged(this.#repo, stage, changes, this.#options.allowMissing === true, []);
  }

  async #decide(stage: Stage, isForced: boolean, isChangedNow: boolean, mayChange: boolean): Promise<Decision> {
    if (!isForced && !isChangedNow) return mayChange ? "maybe" : "skip";
    if (stage.cmd === undefined || stage.frozen) return "record";
    // What comes before it may leave other files: nobody knows whether that has run before.
    if (isForced || mayChange) return "run";
    const outs = await this.#pastOutputs(stage);
    for (const out of outs ?? []) this.#restored.set(out.path, out);
    return outs === undefined ? "run" : "restore";
  }

  async #pastOutputs(stage: Stage): Promise<readonly Output[] | undefined> {
    const { noRunCache } = this.#options;
    try {
      return await findRestorable(
        this.#repo,
        stage,
        { ...this.#options, ...(noRunCache === undefined ? {} : { noRunCache }) },
        this.#asLeft(stage),
      );
    } catch (error) {
      // A dependency is missing: `repro` would fail there.
      if (error instanceof DvcError) return undefined;
      throw error;
    }
  }

  /** Outputs of earlier stages as they would be restored: the present files do not count. */
  #asLeft(stage: Stage): ReadonlyMap<OsPath, Output> {
    const found = new Map<OsPath, Output>();
    for (const dep of stage.deps) {
      const out = dep.kind === "file" ? this.#restored.get(dep.path) : undefined;
      if (out !== undefined) found.set(out.path, out);
    }
    return found;
  }

  #upstreamReasons(stage: Stage): Reason[] {
    const before = (this.#graph?.upstream(stage) ?? []).filter((one) => isOpen(this.#decided.get(one)));
    return before.map((one) => {
      const read = stage.deps.filter((dep) => (dep.kind === "file" || dep.kind === "params") && makes(one, dep.path));
      const paths = read.map((dep) => shownPath(this.#repo, dep));
      return { kind: "upstream", stage: addressOf(this.#repo, one), paths };
    });
  }

  #reasons(stage: Stage, changes: Changes, present: PresentState): Reason[] {
    const reasons: Reason[] = [];
    if (!stage.isLocked) return [{ kind: "never-run" }];
    if (!stage.frozen && (isCallback(stage) || stage.alwaysChanged)) reasons.push({ kind: "always" });
    if (changes.file && stage.name === undefined) reasons.push({ kind: "file" });
    else if (changes.file) reasons.push({ kind: "command", from: stage.lockedCmd, to: stage.cmd });
    for (const dep of stage.deps) {
      const path = shownPath(this.#repo, dep);
      const state = changes.deps[path];
      if (state === undefined) continue;
      if (dep.kind === "params") reasons.push(...paramReasons(dep, path, state, present));
      else if (typeof state === "string") reasons.push({ kind: "dependency", path, state: stateOf(dep, state) });
    }
    for (const out of stage.outs) {
      const path = shownPath(this.#repo, out);
      const state = changes.outs[path];
      if (typeof state === "string") reasons.push({ kind: "output", path, state: stateOf(out, state) });
    }
    return reasons;
  }
}

/** What dvc.yaml has since the stage last ran is new: `status` calls it modified, as DVC does. */
function stateOf(entry: Output | Dependency, state: EntryState): EntryState {
  return state === "modified" && "hash" in entry && entry.hash === undefined ? "new" : state;
}

/** Whether nobody knows yet what the stage would leave behind. */
function isOpen(decision: Decision | undefined): boolean {
  return decision === "run" || decision === "maybe" || decision === "record";
}

function makes(stage: Stage, path: OsPath): boolean {
  return stage.outs.some(
    (out) => out.path === path || path.startsWith(`${out.path}/`) || out.path.startsWith(`${path}/`),
  );
}

function paramReasons(
  dep: Extract<Dependency, { kind: "params" }>,
  file: string,
  state: EntryState | Readonly<Record<string, EntryState>>,
  present: PresentState,
): Reason[] {
  if (typeof state === "string") return [{ kind: "param", file, state }];
  const text = present.readText(dep.path);
  const now = text === undefined ? new Map<string, unknown>() : selectParams(parseParams(text, file), dep.params);
  return Object.entries(state).flatMap(([key, one]) => {
    const isRecorded = dep.locked !== undefined && Object.hasOwn(dep.locked, key);
    const from = isRecorded ? toPlain(dep.locked[key]) : undefined;
    const to = now.has(key) ? toPlain(now.get(key)) : undefined;
    return changedLeaves({ kind: "param", file, key, state: one, from, to }).map(withoutAbsent);
  });
}

type ParamReason = Extract<Reason, { kind: "param" }>;

/** A changed group of parameters is told by those in it that changed. */
function changedLeaves(reason: ParamReason): ParamReason[] {
  const { from, to, key = "" } = reason;
  if (!isGroup(from) || !isGroup(to)) return [reason];
  const names = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...names].flatMap((name): ParamReason[] => {
    const [old, now] = [from[name], to[name]];
    if (JSON.stringify(old, bigintText) === JSON.stringify(now, bigintText)) return [];
    const state = old === undefined ? "new" : now === undefined ? "deleted" : "modified";
    return changedLeaves({ ...reason, key: `${key}.${name}`, state, from: old, to: now });
  });
}

const isGroup = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const bigintText = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? `${value}n` : value);

function withoutAbsent({ from, to, ...rest }: ParamReason): ParamReason {
  return { ...rest, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}
