import { dirname } from "node:path";
import { info, type Reporter, type StageState, warn } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { syncFolder } from "../fs/atomic.ts";
import { interruption, throwIfInterrupted } from "../pipeline/children.ts";
import { descendants, type StageGraph } from "../pipeline/graph.ts";
import { saveStage } from "../pipeline/save.ts";
import { limitsOf, runSchedule, Schedule, type Task } from "../pipeline/schedule.ts";
import { isImport, type Stage } from "../pipeline/stage.ts";
import type { GitContext } from "../repo/gitContext.ts";
import { type SharedRepoLock, withSharedRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownStage, viewOf } from "../repo/shown.ts";

import { ReproLogs } from "./reproLogs.ts";
import type { ReproOptions } from "./reproOptions.ts";
import { reproduceStage } from "./runIfChanged.ts";

/** Addresses of the stages that ran, were restored or recorded anew (with `dry`: would be), in order. */
export interface ReproResult {
  readonly reproduced: readonly string[];
}

/** What is to be looked at. */
export interface ReproPlan {
  /** Each after those it needs. */
  readonly steps: readonly Stage[];
  /** Which stage needs which; undefined for single items. */
  readonly graph: StageGraph | undefined;
  /** Who reads what others write, frozen or not: such stages never run at the same time. */
  readonly order: () => StageGraph;
}

/** Brings the steps up to date: one after the other, or with `jobs` side by side. @throws {DvcError} `failed to reproduce '…'` */
export async function reproduceSteps(
  repo: Repo,
  plan: ReproPlan,
  context: GitContext,
  options: ReproOptions,
): Promise<ReproResult> {
  const run = new Reproduction(repo, plan, context, options);
  const { jobs = 1, dry } = options;
  try {
    await (jobs > 1 && dry !== true && plan.steps.length > 1 ? run.sideBySide(jobs) : run.oneByOne());
  } finally {
    run.syncFolders();
  }
  return run.finish();
}

/** One walk over the steps, with what came of each. */
class Reproduction {
  readonly #repo: Repo;
  readonly #plan: ReproPlan;
  readonly #context: GitContext;
  readonly #options: ReproOptions;
  /** Stages as they are after their turn. */
  readonly #done = new Map<Stage, Stage>();
  readonly #forced = new Set<Stage>();
  readonly #skipped = new Set<Stage>();
  readonly #failed = new Map<Stage, unknown>();
  /** Folders with a dvc.lock that was written. */
  readonly #folders = new Set<OsPath>();
  #isSideBySide = false;

  constructor(repo: Repo, plan: ReproPlan, context: GitContext, options: ReproOptions) {
    this.#repo = repo;
    this.#plan = plan;
    this.#context = context;
    this.#options = options;
  }

  async oneByOne(): Promise<void> {
    let hasRun = false;
    for (const stage of this.#plan.steps) {
      if (this.#skipped.has(stage)) continue;
      this.#options.signal?.throwIfAborted();
      throwIfInterrupted();
      if (hasRun) info(this.#options, "");
      try {
        hasRun = await this.#step(stage, this.#options);
      } catch (error) {
        if (isAbort(error)) throw error;
        this.#fail(stage, error, this.#options);
        if (this.#isStopped) return;
      }
    }
  }

  async sideBySide(jobs: number): Promise<void> {
    this.#isSideBySide = true;
    const { steps } = this.#plan;
    const schedule = new Schedule(this.#tasks(), jobs);
    const logs = new ReproLogs(this.#repo);
    let abort: Error | undefined;
    this.#options.reporter?.emit({ type: "stages", stages: steps.map((stage) => addressOf(this.#repo, stage)) });
    try {
      await withSharedRepoLock(this.#repo, this.#options, async (lock) => {
        const work = async (stage: Stage): Promise<void> => {
          try {
            await this.#besideOthers(stage, lock, logs);
          } catch (error) {
            if (isAbort(error)) abort ??= error;
            else this.#fail(stage, error, this.#taggedFor(stage, logs));
          }
          for (const one of this.#skipped) schedule.settle(one);
        };
        await runSchedule(schedule, work, () => abort !== undefined || this.#isStopped);
      });
    } finally {
      logs.close();
    }
    this.#context.sortIgnored(steps.flatMap((stage) => stage.outs.map((out) => out.path)));
    if (abort !== undefined) throw abort;
    for (const stage of schedule.waiting) this.#drop(stage);
    // A command that takes an interrupt well leaves no failure behind.
    if (this.#failed.size === 0 && this.#skipped.size > 0) throwIfInterrupted();
  }

  /** Makes the names of what was saved safe against power loss; the bytes are since they were written. */
  syncFolders(): void {
    for (const folder of this.#folders) syncFolder(folder);
  }

  /** @throws {DvcError} when something failed that is not to be ignored. */
  finish(): ReproResult {
    const { onError = "fail" } = this.#options;
    const failed = this.#plan.steps.filter((stage) => this.#failed.has(stage));
    if (failed.length > 0 && onError !== "ignore") {
      const [first] = failed;
      const isOne = onError === "fail" && first !== undefined;
      throw isOne ? this.#failure([first], this.#failed.get(first)) : this.#failure(failed, undefined);
    }
    const reproduced = this.#plan.steps.filter((stage) => this.#done.has(stage));
    return { reproduced: reproduced.map((stage) => addressOf(this.#repo, stage)) };
  }

  /** Whether nothing more is to begin. */
  get #isStopped(): boolean {
    if (interruption() !== undefined) return true;
    return this.#failed.size > 0 && (this.#options.onError ?? "fail") === "fail";
  }

  /** A stage waits for those before it in the serial order that it reads from, or that read from it. */
  #tasks(): Task<Stage>[] {
    const { steps } = this.#plan;
    const order = this.#plan.order();
    const place = new Map(steps.map((stage, index) => [stage, index]));
    return steps.map((stage, index) => {
      const related = [...order.upstream(stage), ...order.downstream(stage)];
      return { item: stage, needs: related.filter((one) => (place.get(one) ?? index) < index), ...limitsOf(stage) };
    });
  }

  async #besideOthers(stage: Stage, lock: SharedRepoLock, logs: ReproLogs): Promise<void> {
    const none = (): void => undefined;
    const tagged = this.#taggedFor(stage, logs);
    const name = addressOf(this.#repo, stage);
    let last: StageState = "done";
    let leave = await lock.enter("begin");
    const beside = {
      pause: async <T>(work: () => Promise<T>): Promise<T> => {
        leave();
        leave = none;
        try {
          return await work();
        } finally {
          leave = await lock.enter("record");
        }
      },
      onLine: (stream: "stdout" | "stderr", line: string): void => {
        logs.write(name, line);
        this.#options.reporter?.emit({ type: "output", stage: name, stream, text: line });
      },
      onState: (state: StageState): void => {
        if (state === "running") this.#say(stage, state);
        else last = state;
      },
    };
    try {
      // Others may have failed while this one waited for its turn.
      if (this.#isStopped) {
        last = "dropped";
        this.#skipped.add(stage);
        return;
      }
      await this.#step(stage, { ...tagged, beside });
    } catch (error) {
      last = "failed";
      throw error;
    } finally {
      leave();
      this.#say(stage, last);
    }
  }

  /** Options whose messages name the stage and go to its log. */
  #taggedFor(stage: Stage, logs: ReproLogs): ReproOptions {
    const name = addressOf(this.#repo, stage);
    const { reporter } = this.#options;
    const tagged: Reporter = {
      emit: (event) => {
        if (event.type !== "message") return;
        logs.write(name, event.text);
        reporter?.emit({ ...event, stage: name });
      },
    };
    return { ...this.#options, reporter: tagged };
  }

  #say(stage: Stage, state: StageState): void {
    this.#options.reporter?.emit({ type: "stage", stage: addressOf(this.#repo, stage), state });
  }

  #drop(stage: Stage): void {
    this.#skipped.add(stage);
    this.#say(stage, "dropped");
  }

  async #step(stage: Stage, options: ReproOptions): Promise<boolean> {
    const { graph } = this.#plan;
    if (stage.frozen && !isImport(stage)) {
      warn(options, `${shownStage(this.#repo, stage)} is frozen. Its dependencies are not going to be reproduced.`);
    }
    const force = options.force === true || this.#forced.has(stage);
    const upstream = (graph?.upstream(stage) ?? []).map((one) => this.#done.get(one) ?? one);
    const done = await reproduceStage(this.#repo, stage, this.#context, { ...options, force, upstream });
    if (done !== undefined) {
      if (options.dry !== true) this.#save(done, options);
      this.#done.set(stage, done);
    }
    if (options.forceDownstream === true && (done !== undefined || force)) {
      for (const one of graph?.downstream(stage) ?? []) this.#forced.add(one);
    }
    return done !== undefined;
  }

  #save(stage: Stage, options: ReproOptions): void {
    // Whatever ends first: the file is to be as after a run one by one.
    const order = this.#isSideBySide
      ? this.#plan.steps.flatMap((one) => (one.file === stage.file && !one.isLocked ? [one.name ?? ""] : []))
      : undefined;
    const view = { ...viewOf(this.#repo, options), noFolderSync: true };
    for (const file of saveStage(stage, { ...view, ...(order === undefined ? {} : { order }) })) {
      this.#context.track(file);
      this.#folders.add(dirname(file));
    }
    if (stage.name === undefined) this.#context.track(stage.file);
  }

  #fail(stage: Stage, error: unknown, options: ReproOptions): void {
    const { onError = "fail" } = options;
    this.#failed.set(stage, error);
    if (onError === "fail" && !this.#isSideBySide) return;
    const text = error instanceof Error ? error.message : String(error);
    // Side by side others go on for a while: the reason is not to be lost between their lines.
    if (onError === "fail" && this.#failed.size === 1) return;
    warn(options, `${text}${onError === "ignore" ? " (ignored)" : ""}`);
    const { graph } = this.#plan;
    if (onError !== "keep-going" || graph === undefined) return;
    const dependents = descendants(graph, [stage]).filter((one) => one !== stage);
    if (dependents.length > 0) {
      const many = dependents.length > 1 ? "Stages" : "Stage";
      warn(options, `${many} ${this.#names(dependents)} will be skipped due to this failure`);
    }
    const steps = new Set(this.#plan.steps);
    for (const one of dependents) {
      if (this.#isSideBySide && steps.has(one) && !this.#skipped.has(one)) this.#drop(one);
      this.#skipped.add(one);
    }
  }

  #failure(stages: readonly Stage[], cause: unknown): DvcError {
    const segment = stages.length > 1 ? " stages:" : "";
    const dropped = this.#plan.steps.filter((stage) => this.#skipped.has(stage));
    return new DvcError(`failed to reproduce${segment} ${this.#names(stages)}`, {
      code: cause instanceof DvcError ? cause.code : "stage-run",
      ...(cause === undefined ? {} : { cause }),
      ...(this.#isSideBySide && dropped.length > 0
        ? { hint: `Not run because of that: ${this.#names(dropped)}.` }
        : {}),
    });
  }

  #names(stages: readonly Stage[]): string {
    const names = stages.map((stage) => `'${addressOf(this.#repo, stage)}'`);
    const last = names.pop() ?? "";
    return names.length === 0 ? last : `${names.join(", ")} and ${last}`;
  }
}

function isAbort(error: unknown): error is Error {
  if (error instanceof DvcError) return error.code === "aborted";
  return error instanceof Error && error.name === "AbortError";
}
