import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LANES, Md5Lanes } from "./md5Lanes.ts";

/** Hashes all inputs through the lanes, each lane refilled from the queue as it ends, in parts of the buffer's size. */
function hashAll(lanes: Md5Lanes, inputs: readonly Uint8Array[]): string[] {
  const digests: string[] = [];
  const at: ({ input: number; offset: number; last: boolean } | undefined)[] = [];
  let next = 0;
  const feed = (lane: number): void => {
    const job = at[lane];
    if (job === undefined) return;
    const input = inputs[job.input] as Uint8Array;
    const part = input.subarray(job.offset, job.offset + lanes.capacity);
    lanes.buffer(lane).set(part);
    job.offset += part.length;
    job.last = part.length < lanes.capacity;
    lanes.feed(lane, part.length, job.last);
  };
  const begin = (lane: number): void => {
    at[lane] = undefined;
    if (next >= inputs.length) return;
    at[lane] = { input: next++, offset: 0, last: false };
    lanes.start(lane);
    feed(lane);
  };
  for (let lane = 0; lane < LANES; lane++) begin(lane);
  while (lanes.isBusy) {
    const done = lanes.run();
    for (let lane = 0; lane < LANES; lane++) {
      if ((done & (1 << lane)) === 0) continue;
      const job = at[lane];
      if (job?.last === false) feed(lane);
      else if (job !== undefined) {
        const bytes = Buffer.alloc(16);
        lanes.digest(lane, bytes, 0);
        digests[job.input] = bytes.toString("hex");
        begin(lane);
      }
    }
  }
  return digests;
}

const expected = (inputs: readonly Uint8Array[]): string[] =>
  inputs.map((input) => createHash("md5").update(input).digest("hex"));

function lanesOf(capacity: number): Md5Lanes {
  const lanes = Md5Lanes.create(capacity);
  if (lanes === undefined) throw new Error("no SIMD here");
  return lanes;
}

describe("Md5Lanes", () => {
  it("gives the digests of RFC 1321", () => {
    const texts = ["", "a", "abc", "message digest", "abcdefghijklmnopqrstuvwxyz"];
    expect(
      hashAll(
        lanesOf(1024),
        texts.map((text) => Buffer.from(text)),
      ),
    ).toEqual([
      "d41d8cd98f00b204e9800998ecf8427e",
      "0cc175b9c0f1b6a831c399e269772661",
      "900150983cd24fb0d6963f7d28e17f72",
      "f96b697d7cb7938d525a2f31aaf161d0",
      "c3fcd3d76192e4007dfb496cca67e13b",
    ]);
  });

  it("gives every length around the block and buffer borders, in one or many parts", () => {
    const lanes = lanesOf(256);
    const inputs = Array.from({ length: 800 }, (_, length) => Buffer.alloc(length, length));
    expect(hashAll(lanes, inputs)).toEqual(expected(inputs));
    // Only one or two lanes busy: the scalar kernel.
    for (const length of [0, 55, 56, 63, 64, 255, 256, 257, 1000]) {
      const one = [Buffer.alloc(length, 7)];
      expect(hashAll(lanes, one)).toEqual(expected(one));
    }
  });

  it("agrees with node:crypto on any mix of inputs", () => {
    const lanes = lanesOf(512);
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 40 }), (inputs) => {
        expect(hashAll(lanes, inputs)).toEqual(expected(inputs));
      }),
      { numRuns: 100 },
    );
  });
});
