import { describe, expect, it } from "vitest";
import { StorageError } from "../base/errors.ts";
import { retrying, type RetryPolicy, withRetryAfter } from "./retry.ts";

const slept: number[] = [];
const policy: RetryPolicy = {
  attempts: 4,
  firstDelayMs: 100,
  maxDelayMs: 250,
  random: () => 1,
  sleep: (ms) => {
    slept.push(ms);
    return Promise.resolve();
  },
};
const failure = (retryable: boolean): StorageError => new StorageError("x", { protocol: "s3", path: "p", retryable });

describe("retrying", () => {
  it("tries again after growing waits, up to a limit", async () => {
    slept.length = 0;
    let calls = 0;
    const result = await retrying(policy, undefined, (attempt) => {
      calls++;
      return attempt < 3 ? Promise.reject(failure(true)) : Promise.resolve("done");
    });
    expect([result, calls, slept]).toEqual(["done", 4, [100, 200, 250]]);
  });

  it("waits as long as the server asks, within bounds", async () => {
    slept.length = 0;
    const asked = ["3", "0", "86400", new Date(Date.now() + 30_000).toUTCString()];
    await retrying({ ...policy, attempts: 9 }, undefined, (attempt) => {
      const said = asked[attempt];
      if (said === undefined) return Promise.resolve();
      return Promise.reject(withRetryAfter(failure(true), { "retry-after": said }));
    });
    expect(slept.slice(0, 3)).toEqual([3000, 200, 60_000]);
    expect(slept[3]).toBeGreaterThan(20_000);
    expect(slept[3]).toBeLessThanOrEqual(30_000);
  });

  it("gives up when the tries are used up, with the last error", async () => {
    const error = failure(true);
    await expect(retrying(policy, undefined, () => Promise.reject(error))).rejects.toBe(error);
  });

  it("does not repeat what failed for good, nor a bug", async () => {
    for (const error of [failure(false), new TypeError("bug")]) {
      let calls = 0;
      const work = (): Promise<never> => (calls++, Promise.reject(error));
      await expect(retrying(policy, undefined, work)).rejects.toBe(error);
      expect(calls).toBe(1);
    }
  });

  it("stops waiting on an abort", async () => {
    const stop = new AbortController();
    const slow: RetryPolicy = { attempts: 3, firstDelayMs: 60_000, maxDelayMs: 60_000 };
    const running = retrying(slow, stop.signal, () => {
      setImmediate(() => {
        stop.abort();
      });
      return Promise.reject(failure(true));
    });
    await expect(running).rejects.toThrow(/abort/i);
  });
});
