import { columns } from "./dagColumns.ts";
import { uncross } from "./dagCrossings.ts";
import { type Edge, layer } from "./dagLayers.ts";

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Middle of a box (of its upper half, in y) and its size. */
interface Box extends Point {
  readonly width: number;
}

/** Frame, text, frame. */
const BOX_HEIGHT = 3;
/** From one row of boxes to the next: a box and as much space again. */
const ROW_HEIGHT = 2 * BOX_HEIGHT;
/** A blank and a frame on each side of a name. */
const BOX_MARGIN = 4;

/**
 * Draws a connected graph with boxes of `+---+` and edges of `*`, what is needed on top; lines end without a line break
 * after the last. Boxes and edges are where DVC draws them.
 * @param edges indices into `names`, from what is needed to what needs it.
 */
export function drawAscii(names: readonly string[], edges: readonly Edge[]): string {
  if (names.length === 0) return "";
  const own = names.map((name) => Array.from(name).length + BOX_MARGIN);
  const graph = layer(names.length, edges);
  const position = uncross(graph);
  const middle = [...own].sort((a, b) => a - b)[Math.floor(own.length / 2)] ?? 0;
  const widths = position.map((_, node) => own[node] ?? middle);
  const xs = columns(graph, position, { widths, gap: Math.min(...own) });
  const boxes: Box[] = widths.map((width, node) => ({
    x: xs[node] ?? 0,
    y: (graph.rank[node] ?? 0) * ROW_HEIGHT + BOX_HEIGHT / 2,
    width,
  }));
  const lines = graph.routes.map((route) => routeLine(route.map((node) => boxes[node] ?? { x: 0, y: 0, width: 0 })));
  return paint(names, boxes.slice(0, names.length), lines);
}

/** The points of an edge: it begins and ends at the frames of its boxes. */
function routeLine(boxes: readonly Box[]): readonly Point[] {
  const [first, second] = boxes;
  const [before, last] = boxes.slice(-2);
  if (first === undefined || second === undefined || before === undefined || last === undefined) return [];
  return [leave(first, second), ...boxes.slice(1, -1), leave(last, before)];
}

/** Where the way from the middle of a box to a point outside crosses its frame, whose half sizes are whole numbers. */
function leave(box: Box, to: Point): Point {
  const dx = to.x - box.x;
  const dy = to.y - box.y;
  const right = Math.floor(box.width / 2);
  const bottom = Math.floor(BOX_HEIGHT / 2);
  for (const y of [-bottom, bottom]) {
    const found = crossing(dx, dy, y, right);
    if (found !== undefined) return { x: box.x + found.across, y: box.y + found.along };
  }
  for (const x of [right, -right]) {
    const found = crossing(dy, dx, x, bottom);
    if (found !== undefined) return { x: box.x + found.along, y: box.y + found.across };
  }
  return box;
}

/** Crossing of the way to (`across`, `along`) with the line at `at` along, if within `limit` across. */
function crossing(
  across: number,
  along: number,
  at: number,
  limit: number,
): { across: number; along: number } | undefined {
  if (along === 0) return undefined;
  const part = at / along;
  if (part < 0 || part > 1 || Math.abs(part * across) > limit) return undefined;
  return { across: part * across, along: part * along };
}

function paint(names: readonly string[], boxes: readonly Box[], lines: readonly (readonly Point[])[]): string {
  const points = lines.flat();
  const left = least([...boxes.map((box) => box.x - box.width / 2), ...points.map((point) => point.x)]);
  const right = -least([...boxes.map((box) => -box.x - box.width / 2), ...points.map((point) => -point.x)]);
  const top = least([...boxes.map((box) => box.y), ...points.map((point) => point.y)]);
  const bottom = -least([...boxes.map((box) => -box.y - BOX_HEIGHT), ...points.map((point) => -point.y)]);
  const canvas = new Canvas(Math.ceil(right) - Math.floor(left) + 1, roundHalfEven(bottom - top));
  const cell = (point: Point): Point => ({ x: roundHalfEven(point.x - left), y: roundHalfEven(point.y - top) });
  for (const line of lines) {
    for (const [at, point] of line.entries()) {
      const previous = line[at - 1];
      if (previous !== undefined) canvas.line(cell(previous), cell(point));
    }
  }
  for (const [at, box] of boxes.entries()) {
    canvas.box(cell({ x: box.x - box.width / 2, y: box.y }), box.width, ` ${names[at] ?? ""} `);
  }
  return canvas.toString();
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Infinity);
}

/** As Python rounds: halves to the even neighbour. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

const BLANK = 32;
const STAR = 42;

class Canvas {
  /** Code points: a graph of thousands of stages side by side has long lines. */
  readonly #rows: readonly Uint32Array[];

  constructor(width: number, height: number) {
    this.#rows = Array.from({ length: height }, () => new Uint32Array(width).fill(BLANK));
  }

  #set(x: number, y: number, sign: number): void {
    const row = this.#rows[y];
    // Beside the row, an array of this kind takes no values.
    if (row !== undefined) row[x] = sign;
  }

  /** A line of stars, one in each column, or in each row when it is steep. */
  line(one: Point, other: Point): void {
    const [from, to] = one.x > other.x ? [other, one] : [one, other];
    const dx = to.x - from.x;
    const dy = to.y - from.y;
    if (dx >= Math.abs(dy)) {
      this.#flat(from, dx, dy);
      return;
    }
    const [upper, lower] = dy > 0 ? [from, to] : [to, from];
    // `dx / dy` as seen from the left end, so that halves fall as they do from there.
    for (let y = upper.y; y <= lower.y; y++) {
      this.#set(upper.x + roundHalfEven(((y - upper.y) * dx) / dy), y, STAR);
    }
  }

  /** Row by row: such a line may be 100,000 columns long. */
  #flat(from: Point, dx: number, dy: number): void {
    const rowAt = (column: number): number => (dx === 0 ? 0 : roundHalfEven((column * dy) / dx));
    for (let start = 0; start <= dx;) {
      const row = rowAt(start);
      const end = lastThat(start, dx, (column) => rowAt(column) === row);
      this.#rows[from.y + row]?.fill(STAR, Math.max(0, from.x + start), from.x + end + 1);
      start = end + 1;
    }
  }

  box(corner: Point, width: number, text: string): void {
    const frame = Array.from(`+${"-".repeat(width - 2)}+`);
    const inner = ["|", ...Array.from(text), "|"];
    for (const [at, letter] of frame.entries()) {
      const sign = letter.codePointAt(0) ?? BLANK;
      this.#set(corner.x + at, corner.y, sign);
      this.#set(corner.x + at, corner.y + 1, inner[at]?.codePointAt(0) ?? BLANK);
      this.#set(corner.x + at, corner.y + 2, sign);
    }
  }

  toString(): string {
    return this.#rows.map(textOf).join("\n");
  }
}

function textOf(row: Uint32Array): string {
  let text = "";
  for (let at = 0; at < row.length; at += 4096) text += String.fromCodePoint(...row.subarray(at, at + 4096));
  return text;
}

/** The last of first…last that fits, where all up to it fit. */
function lastThat(first: number, last: number, fits: (value: number) => boolean): number {
  let low = first;
  for (let high = last; low < high;) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
