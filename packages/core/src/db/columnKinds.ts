import { type Cell, Moment } from "./cell.ts";

/**
 * How the values of one column are written, as pandas decides it by what is in them: a column of integers with a NULL
 * becomes one of floats, and moments are all written alike.
 */
export type ColumnKind =
  | { readonly kind: "float" }
  /** Each value by its own type. */
  | { readonly kind: "mixed" }
  /** Moments without a time zone, with so many digits of a second; `day`: all at midnight. */
  | { readonly kind: "moment"; readonly precision: "day" | 0 | 3 | 6 };

/** Moments farther from 1970 than this (microseconds) are no `datetime64[ns]`. */
export const MAX_MOMENT = 9_223_372_036_854_775n;
const DAY_MICROS = 86_400_000_000n;

/** Collects what a column holds. */
export class ColumnFacts {
  #hasNull = false;
  #hasInteger = false;
  #hasFloat = false;
  #hasMoment = false;
  #hasOther = false;
  #isMidnight = true;
  #digits: 0 | 3 | 6 = 0;

  add(cell: Cell): void {
    if (cell === null) this.#hasNull = true;
    else if (typeof cell === "bigint") this.#hasInteger = true;
    else if (typeof cell === "number") this.#hasFloat = true;
    else if (cell instanceof Moment && !cell.hasZone && isNear(cell)) this.#addMoment(cell);
    else this.#hasOther = true;
  }

  #addMoment({ micros }: Moment): void {
    this.#hasMoment = true;
    if (micros % DAY_MICROS !== 0n) this.#isMidnight = false;
    const digits = micros % 1_000_000n === 0n ? 0 : micros % 1000n === 0n ? 3 : 6;
    if (digits > this.#digits) this.#digits = digits;
  }

  get kind(): ColumnKind {
    const isNumber = this.#hasInteger || this.#hasFloat;
    if (!this.#hasOther && !this.#hasMoment && isNumber && (this.#hasFloat || this.#hasNull)) return { kind: "float" };
    if (this.#hasMoment && !isNumber && !this.#hasOther)
      return { kind: "moment", precision: this.#isMidnight ? "day" : this.#digits };
    return { kind: "mixed" };
  }
}

function isNear({ micros }: Moment): boolean {
  return micros <= MAX_MOMENT && micros >= -MAX_MOMENT;
}

/** The kinds of all columns of these rows. */
export function columnKinds(width: number, rows: Iterable<readonly Cell[]>): ColumnKind[] {
  const facts = Array.from({ length: width }, () => new ColumnFacts());
  for (const row of rows) for (let at = 0; at < width; at++) facts[at]?.add(row[at] ?? null);
  return facts.map(({ kind }) => kind);
}
