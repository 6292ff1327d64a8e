import type { Reporter } from "../base/events.ts";

/** Counts for one running transfer; emits at most some 20 events a second. */
export class TransferProgress {
  readonly #reporter: Reporter | undefined;
  readonly #task: string;
  #items = 0;
  #bytes = 0;
  #totalItems: number;
  #lastMs = 0;

  constructor(reporter: Reporter | undefined, task: string, totalItems: number) {
    this.#reporter = reporter;
    this.#task = task;
    this.#totalItems = totalItems;
    reporter?.emit({ type: "start", task, items: totalItems });
  }

  /** More turned out to be to do. */
  grow(items: number): void {
    this.#totalItems += items;
  }

  /** `items` and `bytes` newly done. */
  add(items: number, bytes: number): void {
    this.#items += items;
    this.#bytes += bytes;
    if (this.#reporter === undefined) return;
    const now = performance.now();
    if (now - this.#lastMs < 50) return;
    this.#lastMs = now;
    this.#emit();
  }

  /** The last counts, then the end. */
  end(): void {
    this.#emit();
    this.#reporter?.emit({ type: "end", task: this.#task });
  }

  #emit(): void {
    this.#reporter?.emit({
      type: "progress",
      task: this.#task,
      items: this.#items,
      bytes: this.#bytes,
      totalItems: this.#totalItems,
    });
  }
}
