import { isRecord } from "../formats/pyValues.ts";
import type { Stage } from "./stage.ts";

/** What a stage may claim: `meta: {holdfast: {cores: 4, mutex: gpu}}` in dvc.yaml. DVC leaves `meta` alone. */
export interface StageLimits {
  /** How many of the jobs it counts for; at least 1. */
  readonly cores: number;
  /** Names; two stages that share one never run at the same time. */
  readonly mutex: readonly string[];
}

/** The limits of a stage; what is no positive number, and no name, counts as absent. */
export function limitsOf(stage: Pick<Stage, "meta">): StageLimits {
  const own = isRecord(stage.meta) ? stage.meta["holdfast"] : undefined;
  if (!isRecord(own)) return { cores: 1, mutex: [] };
  const cores = Number(own["cores"]);
  const names: readonly unknown[] = Array.isArray(own["mutex"]) ? own["mutex"] : [own["mutex"]];
  return {
    cores: Number.isFinite(cores) && cores >= 1 ? Math.ceil(cores) : 1,
    mutex: names.filter((name): name is string => typeof name === "string" && name !== ""),
  };
}

/** One piece of work and what it waits for. */
export interface Task<T> extends StageLimits {
  readonly item: T;
  /** Items that must be settled first. Others than those of the schedule do not count. */
  readonly needs: readonly T[];
}

/**
 * Decides what runs next: the first in the given order whose needs are settled and whose limits leave room. With one job
 * that is the given order itself (when it is a topological one). A task that claims more than all jobs runs alone.
 */
export class Schedule<T> {
  readonly #jobs: number;
  readonly #tasks: readonly Task<T>[];
  readonly #known: ReadonlySet<T>;
  readonly #started = new Set<T>();
  readonly #settled = new Set<T>();
  readonly #running = new Map<T, Task<T>>();
  /** Tasks before this one have all started: a long list is not searched from its beginning each time. */
  #from = 0;

  constructor(tasks: readonly Task<T>[], jobs: number) {
    this.#tasks = tasks;
    this.#jobs = Math.max(1, jobs);
    this.#known = new Set(tasks.map((task) => task.item));
  }

  /** Takes the next item that may run now. Undefined: none until one is settled, or none is left. */
  next(): T | undefined {
    if (this.#free < 1) return undefined;
    for (let at = this.#from; at < this.#tasks.length; at++) {
      const task = this.#tasks[at] as Task<T>;
      if (this.#started.has(task.item)) {
        if (at === this.#from) this.#from++;
        continue;
      }
      if (!this.#isReady(task)) continue;
      // One that needs more room than is left keeps later ones from taking it away again and again.
      if (this.#coresOf(task) > this.#free) return undefined;
      if (this.#isExcluded(task)) continue;
      this.#started.add(task.item);
      this.#running.set(task.item, task);
      return task.item;
    }
    return undefined;
  }

  /** Says that an item is done, or will never run. */
  settle(item: T): void {
    this.#started.add(item);
    this.#running.delete(item);
    this.#settled.add(item);
  }

  get running(): number {
    return this.#running.size;
  }

  /** Items that have not begun. */
  get waiting(): readonly T[] {
    return this.#tasks.map((task) => task.item).filter((item) => !this.#started.has(item));
  }

  get #free(): number {
    let free = this.#jobs;
    for (const task of this.#running.values()) free -= this.#coresOf(task);
    return free;
  }

  #coresOf(task: Task<T>): number {
    return Math.min(task.cores, this.#jobs);
  }

  #isReady(task: Task<T>): boolean {
    return task.needs.every((item) => !this.#known.has(item) || this.#settled.has(item));
  }

  #isExcluded(task: Task<T>): boolean {
    if (task.mutex.length === 0) return false;
    return [...this.#running.values()].some((one) => one.mutex.some((name) => task.mutex.includes(name)));
  }
}

/**
 * Runs a schedule: `work` is called for each item, side by side as far as the schedule allows. It must not reject. When
 * `isStopped` says so nothing more begins. Resolves when all that began has ended.
 */
export async function runSchedule<T>(
  schedule: Schedule<T>,
  work: (item: T) => Promise<void>,
  isStopped: () => boolean,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const begin = (): void => {
      while (!isStopped()) {
        const item = schedule.next();
        if (item === undefined) break;
        work(item).then(() => {
          schedule.settle(item);
          begin();
        }, reject);
      }
      if (schedule.running === 0) resolve();
    };
    begin();
  });
}
