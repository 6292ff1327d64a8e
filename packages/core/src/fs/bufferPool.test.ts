import { expect, it } from "vitest";
import { BufferPool } from "./bufferPool.ts";

it("lends no more bytes than allowed, to everybody in turn, also after failures", async () => {
  const pool = new BufferPool(20);
  const seen = new Set<Buffer>();
  const order: number[] = [];
  let atOnce = 0;
  let most = 0;
  const work = (i: number): Promise<void> =>
    pool.use(10, async (buffer) => {
      seen.add(buffer);
      most = Math.max(most, ++atOnce);
      order.push(i);
      await Promise.resolve();
      atOnce--;
      if (i === 1) throw new Error("one");
    });
  const outcomes = await Promise.allSettled([0, 1, 2, 3, 4].map(work));
  expect(outcomes.map((one) => one.status)).toEqual(["fulfilled", "rejected", ...Array(3).fill("fulfilled")]);
  expect([most, seen.size, order]).toEqual([2, 2, [0, 1, 2, 3, 4]]);
});

it("gives a larger buffer where a larger one is asked for, and one beyond the limit to who is alone", async () => {
  const pool = new BufferPool(8);
  await pool.use(4, () => Promise.resolve());
  expect(await pool.use(9, (buffer) => Promise.resolve(buffer.length))).toBe(9);
});

it("lets nobody pass who waits for a large one", async () => {
  const pool = new BufferPool(10);
  const order: string[] = [];
  const ends: (() => void)[] = [];
  const held = (name: string, size: number): Promise<void> =>
    pool.use(size, () => {
      order.push(name);
      return new Promise<void>((end) => ends.push(end));
    });
  const all = [held("first", 6), held("large", 8), held("small", 2)];
  const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  await settled();
  expect(order).toEqual(["first"]);
  ends[0]?.();
  await settled();
  expect(order).toEqual(["first", "large", "small"]);
  for (const end of ends) end();
  await Promise.all(all);
});
