import { expect, it } from "vitest";
import { blockId, blockList, idLength, waitingBlocks } from "./azureBlocks.ts";

const MD5 = "d41d8cd98f00b204e9800998ecf8427e";
const bytesOf = (id: string): number => Buffer.from(id, "base64").length;

it("makes ids of contents and place, as long as those that already wait", () => {
  expect(blockId(MD5, 0, 32)).not.toBe(blockId(MD5, 1, 32));
  expect(blockId(MD5, 7, 32)).toBe(blockId(MD5, 7, 32));
  for (const length of [12, 32, 48, 64]) {
    const foreign = Buffer.from("x".repeat(length)).toString("base64");
    expect(idLength([{ id: foreign, size: 1 }])).toBe(length);
    expect(bytesOf(blockId(MD5, 3, length))).toBe(length);
  }
  expect(idLength([])).toBe(32);
  expect(idLength([{ id: "MDAx", size: 1 }])).toBeUndefined();
});

it("reads the list of what waits, not of what is in place", () => {
  const block = (name: string, size: number): string =>
    `<Block><Name>${name}</Name><Size>${String(size)}</Size></Block>`;
  const waiting = `<UncommittedBlocks>${block("YQ==", 5)}${block("Yg==", 6)}</UncommittedBlocks>`;
  const xml = `<BlockList><CommittedBlocks>${block("Yw==", 7)}</CommittedBlocks>${waiting}</BlockList>`;
  expect(waitingBlocks(xml)).toEqual([
    { id: "YQ==", size: 5 },
    { id: "Yg==", size: 6 },
  ]);
  expect(waitingBlocks("<BlockList><UncommittedBlocks /></BlockList>")).toEqual([]);
  expect(blockList(["YQ=="]).toString()).toContain("<BlockList><Latest>YQ==</Latest></BlockList>");
});
