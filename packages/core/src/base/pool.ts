/**
 * Runs `work` over `items` with at most `limit` under way, in order of start. The first failure stops new starts and
 * rejects after those under way have ended. Order of results is the order of `items`.
 */
export async function mapBounded<T, R>(
  items: Iterable<T>,
  limit: number,
  work: (item: T, index: number) => Promise<R>,
  signal?: AbortSignal,
): Promise<R[]> {
  const results: R[] = [];
  const iterator = items[Symbol.iterator]();
  let next = 0;
  let failed = false;
  const runner = async (): Promise<void> => {
    for (;;) {
      if (failed) return;
      signal?.throwIfAborted();
      const step = iterator.next();
      if (step.done === true) return;
      const index = next++;
      try {
        results[index] = await work(step.value, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const settled = await Promise.allSettled(Array.from({ length: Math.max(1, limit) }, runner));
  const rejected = settled.find((one): one is PromiseRejectedResult => one.status === "rejected");
  if (rejected !== undefined) throw rejected.reason;
  return results;
}
