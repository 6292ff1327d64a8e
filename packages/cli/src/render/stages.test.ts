import { expect, it } from "vitest";
import { plain } from "./colour.ts";
import { StageBoard, StageLines } from "./stages.ts";
import type { TextStream } from "./streams.ts";

it("prefixes are as wide as the widest name, and no colour is shared by neighbours", () => {
  const lines = new StageLines();
  lines.on({ type: "stages", stages: ["a", "train"] });
  expect(lines.prefix("a", plain)).toBe("a     | ");
  expect(lines.prefix("train", plain)).toBe("train | ");
  const colours = ["a", "train"].map((name) => lines.prefix(name, (_, colour) => colour));
  expect(new Set(colours).size).toBe(2);
});

it("the board shows what runs for how long, counts the rest, and wipes itself", () => {
  let written = "";
  let now = 0;
  const stream = { write: (text: string) => (written += text) } as unknown as TextStream;
  const board = new StageBoard(
    stream,
    () => 40,
    plain,
    () => now,
  );
  board.on({ type: "stages", stages: ["a", "b", "c", "d", "e"] });
  board.on({ type: "stage", stage: "a", state: "skipped" });
  board.on({ type: "stage", stage: "b", state: "running" });
  now = 62_000;
  board.on({ type: "stage", stage: "c", state: "failed" });
  board.on({ type: "stage", stage: "d", state: "dropped" });
  expect(board.lines()).toEqual(["  b  1:02", "1 running, 1 waiting, 1 skipped, 1 fail"]);
  board.on({ type: "stage", stage: "b", state: "done" });
  expect(board.lines()).toHaveLength(1);
  written = "";
  board.end();
  expect(written).toBe("\r\x1b[2A\x1b[J");
  board.clear();
  expect(written).toBe("\r\x1b[2A\x1b[J");
});
