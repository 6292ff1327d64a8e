import { afterEach, expect, it, vi } from "vitest";
import { plain } from "./colour.ts";
import { StageBoard, StageLines } from "./stages.ts";
import type { TextStream } from "./streams.ts";

afterEach(() => {
  vi.useRealTimers();
});

it("prefixes are as wide as the widest name, and no colour is shared by neighbours", () => {
  const lines = new StageLines();
  lines.on({ type: "stages", stages: ["a", "train"] });
  expect(lines.prefix("a", plain)).toBe("a     | ");
  expect(lines.prefix("train", plain)).toBe("train | ");
  const colours = ["a", "train"].map((name) => lines.prefix(name, (_, colour) => colour));
  expect(new Set(colours).size).toBe(2);
});

it("the board shows what runs for how long, counts the rest, makes way for text and comes back, and wipes itself", () => {
  vi.useFakeTimers();
  let written = "";
  let now = 0;
  const stream = { write: (text: string) => (written += text) } as unknown as TextStream;
  const board = new StageBoard(
    stream,
    () => 40,
    plain,
    () => now,
  );
  const shown = (): string => {
    const text = written;
    written = "";
    return text;
  };
  board.on({ type: "stages", stages: ["a", "b", "c", "d", "e"] });
  board.on({ type: "stage", stage: "a", state: "skipped" });
  board.on({ type: "stage", stage: "b", state: "running" });
  vi.advanceTimersByTime(20);
  expect(shown()).toBe("  b  0:00\n1 running, 3 waiting, 1 skipped  0:00\n");
  board.clear();
  expect(shown()).toBe("\r\x1b[2A\x1b[J");
  vi.advanceTimersByTime(20);
  expect(shown()).toBe("  b  0:00\n1 running, 3 waiting, 1 skipped  0:00\n");
  now = 62_000;
  board.on({ type: "stage", stage: "c", state: "failed" });
  board.on({ type: "stage", stage: "d", state: "dropped" });
  vi.advanceTimersByTime(20);
  expect(shown()).toBe("\r\x1b[2A\x1b[J  b  1:02\n1 running, 1 waiting, 1 skipped, 1 fail\n");
  board.on({ type: "stage", stage: "b", state: "done" });
  expect(board.lines()).toHaveLength(1);
  board.end();
  expect(shown()).toBe("\r\x1b[2A\x1b[J");
  board.clear();
  vi.advanceTimersByTime(1000);
  expect(written).toBe("");
});
