import type { Event } from "@holdfast/core";
import { byteSize, duration } from "./humane.ts";
import type { TextStream } from "./streams.ts";
import { visible } from "./visible.ts";

/** A task is drawn once it has run this long, in ms. */
const PATIENCE = 1000;
/** Least time between two drawings, in ms. */
const PACE = 100;

interface Task {
  readonly name: string;
  readonly since: number;
  items: number;
  bytes: number;
  totalItems: number | undefined;
  totalBytes: number | undefined;
}

/** One line at the foot of a terminal that shows the newest task: counts, bytes, rate, time left. */
export class ProgressLine {
  readonly #stream: TextStream;
  readonly #width: number;
  readonly #now: () => number;
  readonly #tasks: Map<string, Task> = new Map();
  #drawnAt = 0;
  #isDrawn = false;

  constructor(stream: TextStream, width: number, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#width = width;
    this.#now = now;
  }

  /** Takes in `start`, `progress` and `end`. */
  on(event: Extract<Event, { type: "start" | "progress" | "end" }>): void {
    if (event.type === "end") {
      this.#tasks.delete(event.task);
      if (this.#tasks.size === 0) this.clear();
      return;
    }
    const task = this.#tasks.get(event.task) ?? this.#begin(event.task);
    if (event.type === "start") {
      task.totalItems = event.items;
      task.totalBytes = event.bytes;
    } else {
      task.items = event.items;
      task.bytes = event.bytes;
      task.totalItems = event.totalItems ?? task.totalItems;
      task.totalBytes = event.totalBytes ?? task.totalBytes;
    }
    this.#draw(task);
  }

  /** Wipes the line, so that other text can be printed. */
  clear(): void {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    this.#drawnAt = 0;
    this.#stream.write("\r\x1b[K");
  }

  #begin(name: string): Task {
    const task: Task = { name, since: this.#now(), items: 0, bytes: 0, totalItems: undefined, totalBytes: undefined };
    this.#tasks.set(name, task);
    return task;
  }

  #draw(task: Task): void {
    const now = this.#now();
    if (now - task.since < PATIENCE || now - this.#drawnAt < PACE) return;
    this.#drawnAt = now;
    this.#isDrawn = true;
    // Remotes are named in it.
    const line = visible(lineOf(task, (now - task.since) / 1000)).replaceAll("\n", "\\n");
    this.#stream.write(`\r${line.slice(0, this.#width - 1)}\x1b[K`);
  }
}

function lineOf(task: Task, seconds: number): string {
  const parts = [
    `${task.name} ${task.totalItems === undefined ? String(task.items) : `${String(task.items)}/${String(task.totalItems)}`}`,
  ];
  if (task.bytes > 0) {
    const total = task.totalBytes === undefined ? "" : `/${byteSize(task.totalBytes)}`;
    parts.push(`${byteSize(task.bytes)}${total}`, `${byteSize(task.bytes / seconds)}/s`);
  } else if (task.items > 0) parts.push(`${(task.items / seconds).toFixed(0)}/s`);
  const left = secondsLeft(task, seconds);
  if (left !== undefined) parts.push(`${duration(left)} left`);
  return parts.join("  ");
}

function secondsLeft(task: Task, seconds: number): number | undefined {
  const [done, total] =
    task.totalBytes !== undefined && task.bytes > 0 ? [task.bytes, task.totalBytes] : [task.items, task.totalItems];
  return total === undefined || done <= 0 || total < done ? undefined : (seconds / done) * (total - done);
}
