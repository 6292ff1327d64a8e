import type { Event, StageState } from "@holdfast/core";
import type { Colour, Paint } from "./colour.ts";
import { duration } from "./humane.ts";
import type { TextStream } from "./streams.ts";
import { visible } from "./visible.ts";

/** What stages that run side by side tell. */
type StageEvent = Extract<Event, { type: "stages" | "stage" | "output" }>;

const COLOURS: readonly Colour[] = ["cyan", "magenta", "green", "yellow", "blue"];
/** Names longer than this, in characters, do not widen the column. */
const WIDEST = 24;

/** The prefixes of stages: as wide as the widest name, a colour for each. */
export class StageLines {
  #width = 0;
  readonly #colours = new Map<string, Colour>();

  on(event: StageEvent): void {
    if (event.type !== "stages") return;
    this.#width = Math.min(WIDEST, Math.max(0, ...event.stages.map((name) => name.length)));
  }

  prefix(stage: string, paint: Paint): string {
    let colour = this.#colours.get(stage);
    if (colour === undefined) {
      colour = COLOURS[this.#colours.size % COLOURS.length] ?? "cyan";
      this.#colours.set(stage, colour);
    }
    return `${paint(`${stage.padEnd(this.#width)} |`, colour)} `;
  }
}

/** How soon the block is drawn anew after something happened or other text was printed, in ms. */
const SOON = 20;
/** How often the times are drawn anew, in ms. */
const TICK = 500;
/** Stages shown one by one; of more only the number. */
const MAX_ROWS = 8;

/** A block at the foot of a terminal: the stages that run, with their time, and how many are done, left, failed. */
export class StageBoard {
  readonly #stream: TextStream;
  readonly #width: () => number;
  readonly #paint: Paint;
  readonly #now: () => number;
  readonly #running = new Map<string, number>();
  readonly #counts = new Map<StageState, number>();
  readonly #since: number;
  #total = 0;
  #rows = 0;
  #ticks: NodeJS.Timeout | undefined;
  #next: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(stream: TextStream, width: () => number, paint: Paint, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#width = width;
    this.#paint = paint;
    this.#now = now;
    this.#since = now();
  }

  on(event: Extract<Event, { type: "stages" | "stage" }>): void {
    if (event.type === "stages") this.#total = event.stages.length;
    else if (event.state === "running") this.#running.set(event.stage, this.#now());
    else {
      this.#running.delete(event.stage);
      this.#counts.set(event.state, (this.#counts.get(event.state) ?? 0) + 1);
    }
    this.#ticks ??= setInterval(() => {
      this.#draw();
    }, TICK).unref();
    this.#drawSoon();
  }

  /** Wipes the block, so that other text can be printed; soon it is there again. */
  clear(): void {
    this.#wipe();
    this.#drawSoon();
  }

  /** Wipes the block for good. */
  end(): void {
    this.#isOver = true;
    clearInterval(this.#ticks);
    clearTimeout(this.#next);
    this.#wipe();
  }

  /** The block as text, without colours cut to the width. */
  lines(): string[] {
    const now = this.#now();
    const shown = [...this.#running].slice(0, MAX_ROWS);
    const width = this.#width() - 1;
    const rows = shown.map(([name, since]) => `  ${visible(name)}  ${duration((now - since) / 1000)}`.slice(0, width));
    if (this.#running.size > shown.length) rows.push(`  and ${String(this.#running.size - shown.length)} more`);
    return [...rows, this.#summary(now).slice(0, width)];
  }

  #summary(now: number): string {
    const count = (state: StageState): number => this.#counts.get(state) ?? 0;
    const settled = [...this.#counts.values()].reduce((sum, one) => sum + one, 0);
    const waiting = Math.max(0, this.#total - settled - this.#running.size);
    const parts = [`${String(this.#running.size)} running`, `${String(waiting)} waiting`];
    for (const state of ["done", "restored", "skipped", "failed", "dropped"] as const) {
      if (count(state) > 0) parts.push(`${String(count(state))} ${state === "dropped" ? "not run" : state}`);
    }
    return `${parts.join(", ")}  ${duration((now - this.#since) / 1000)}`;
  }

  #drawSoon(): void {
    if (this.#isOver) return;
    this.#next ??= setTimeout(() => {
      this.#next = undefined;
      this.#draw();
    }, SOON).unref();
  }

  #wipe(): void {
    if (this.#rows === 0) return;
    this.#stream.write(`\r\x1b[${String(this.#rows)}A\x1b[J`);
    this.#rows = 0;
  }

  #draw(): void {
    this.#wipe();
    const lines = this.lines();
    const failed = this.#counts.has("failed");
    const last = visible(this.#paint(lines.at(-1) ?? "", failed ? "red" : "bold"));
    this.#stream.write(`${[...lines.slice(0, -1), last].join("\n")}\n`);
    this.#rows = lines.length;
  }
}
