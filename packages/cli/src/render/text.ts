import { type Event, type Reporter, withoutSecrets } from "@holdfast/core";
import { paintFor } from "./colour.ts";
import { ProgressLine } from "./progress.ts";
import { StageBoard, StageLines } from "./stages.ts";
import { TextStream } from "./streams.ts";
import { visible, visibleOn } from "./visible.ts";

/** How much is printed. */
export interface Loudness {
  readonly quiet: boolean;
  /** 0, 1 (`-v`) or more. */
  readonly verbose: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now?: () => Date;
}

type Level = "DEBUG" | "WARNING" | "ERROR";

/** Prints for a person: results and info lines on stdout, warnings, errors and progress on stderr. */
export class TextOutput implements Reporter {
  readonly out: TextStream;
  readonly err: TextStream;
  readonly #loudness: Loudness;
  #progress: ProgressLine | undefined;
  #stages: StageLines | undefined;
  #board: StageBoard | undefined;
  #isForJson = false;

  constructor(
    loudness: Loudness,
    out: TextStream = new TextStream(1, true),
    err: TextStream = new TextStream(2, false),
  ) {
    this.#loudness = loudness;
    this.out = out;
    this.err = err;
  }

  /** Events of the library. */
  emit(event: Event): void {
    if (event.type === "message") {
      if (event.stage !== undefined) this.#stageText(event.stage, event.level, event.text);
      else if (event.level === "info") this.#info(event.text);
      else if (event.level === "debug") this.debug(event.text);
      else this.log(event.level === "warning" ? "WARNING" : "ERROR", event.text);
    } else if (event.type === "output" || event.type === "stage" || event.type === "stages") {
      this.#stages ??= new StageLines();
      this.#stages.on(event);
      if (event.type === "output") this.#stageLine(event.stage, event.stream, event.text, true);
      else if (!this.#loudness.quiet && this.err.isTty) {
        this.#board ??= new StageBoard(this.err, () => columns(this.#loudness.env), paintFor(true, this.#loudness.env));
        this.#board.on(event);
      }
    } else if (!this.#loudness.quiet && this.err.isTty && this.#board === undefined) {
      this.#progress ??= new ProgressLine(this.err, columns(this.#loudness.env));
      this.#progress.on(event);
    }
  }

  /** From now on stdout is for one JSON document only: what is said on the way goes to stderr. */
  keepForJson(): void {
    this.#isForJson = true;
  }

  #stageText(stage: string, level: "debug" | "info" | "warning" | "error", text: string): void {
    if (level === "debug" ? !this.isVerbose : this.#loudness.quiet) return;
    if (level === "info" || level === "debug") this.#stageLine(stage, "stdout", text);
    else this.#stageLine(stage, "stderr", this.#labelled(level === "warning" ? "WARNING" : "ERROR", text, this.err));
  }

  /** Whole lines with the stage's name before them. What commands print is printed under `-q`, too, and in its own colours. */
  #stageLine(stage: string, stream: "stdout" | "stderr", text: string, isPrinted = false): void {
    const to = stream === "stderr" || this.#isForJson ? this.err : this.out;
    const name = (this.#stages ?? new StageLines()).prefix(stage, paintFor(to.isTty, this.#loudness.env));
    const prefix = visibleOn(to, name);
    this.#board?.clear();
    if (to === this.err) this.out.flush();
    for (const line of text.split("\n")) to.write(`${prefix}${visibleOn(to, line, isPrinted)}\n`);
    if (to.isTty) to.flush();
  }

  #info(text: string): void {
    if (this.#isForJson) this.note(text);
    else this.line(withoutSecrets(text));
  }

  /** A line on stdout; nothing under `-q`. */
  line(text: string): void {
    if (!this.#loudness.quiet) this.forced(text);
  }

  /** A line on stdout, also under `-q`. */
  forced(text: string): void {
    this.#progress?.clear();
    this.#board?.clear();
    this.out.write(`${visibleOn(this.out, text)}\n`);
    if (this.out.isTty) this.out.flush();
  }

  /** A bare line on stderr, also under `-q`. */
  errorLine(text: string): void {
    this.#beforeError();
    this.#writeError(text);
  }

  /** A bare line on stderr; nothing under `-q`. */
  note(text: string): void {
    if (!this.#loudness.quiet) this.errorLine(text);
  }

  /** A line with `-v` only. */
  debug(text: string): void {
    if (this.#loudness.verbose > 0) this.forced(withoutSecrets(this.#labelled("DEBUG", text, this.out)));
  }

  /** `WARNING: …` or `ERROR: …` on stderr; nothing under `-q`. */
  log(level: "WARNING" | "ERROR", text: string): void {
    if (this.#loudness.quiet) return;
    this.#beforeError();
    this.#writeError(this.#labelled(level, text, this.err));
  }

  /** Whether `-v` was given. */
  get isVerbose(): boolean {
    return this.#loudness.verbose > 0;
  }

  /** Ends the progress line and writes out what is held. */
  finish(): void {
    this.#board?.end();
    this.#progress?.clear();
    this.#board?.clear();
    this.out.flush();
  }

  #writeError(text: string): void {
    const lines = withoutSecrets(text).split("\n");
    this.err.write(`${visible(lines.map(shortened).join("\n"))}\n`);
  }

  #beforeError(): void {
    this.#progress?.clear();
    this.#board?.clear();
    this.out.flush();
  }

  #labelled(level: Level, text: string, stream: TextStream): string {
    const paint = paintFor(stream.isTty, this.#loudness.env);
    const colour = level === "DEBUG" ? "blue" : level === "WARNING" ? "yellow" : "red";
    const time = this.isVerbose ? `${paint(timeText(this.#loudness.now?.() ?? new Date()), colour)} ` : "";
    return `${time}${paint(level, colour)}: ${text}`;
  }
}

/** Longest line of an error or warning (UTF-16 units): names in files of strangers may be of any length. */
const MAX_LINE = 6000;

function shortened(line: string): string {
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}… (${String(line.length)} characters)` : line;
}

/** Width of the terminal: COLUMNS, else what it says, else 80. */
export function columns(env: Readonly<Record<string, string | undefined>>): number {
  const asked = Number(env["COLUMNS"]);
  if (Number.isInteger(asked) && asked > 0) return asked;
  return process.stderr.columns || 80;
}

/** `YYYY-mm-dd HH:MM:SS,mmm` in local time. */
function timeText(date: Date): string {
  const two = (value: number, width = 2): string => String(value).padStart(width, "0");
  const day = `${String(date.getFullYear())}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())},${two(date.getMilliseconds(), 3)}`;
}
