/** Kernels stamp files with a clock that ticks at most every 10 ms; twice that is safe. */
export const GRAIN_MS = 20;
/** File systems with whole seconds (FAT counts in twos). */
const COARSE_GRAIN_MS = 2100;

/**
 * Whether an edit right after `asOf` (ms) could leave the same times as `stat`. Only ctime counts: each edit sets it, and no
 * program can set it back, while mtime may lie anywhere.
 */
export function isYoung(stat: { readonly ctimeNs: bigint }, asOf: number): boolean {
  const coarse = stat.ctimeNs % 1_000_000_000n === 0n;
  return Number(stat.ctimeNs / 1_000_000n) > asOf - (coarse ? COARSE_GRAIN_MS : GRAIN_MS);
}

/** Waits, if it is but a tick or two of the clock. @param time in ms since the epoch */
export function waitUntil(time: number): void {
  const left = time - Date.now();
  // A clock that was set back must not make it long.
  if (left > 0 && left <= 2 * GRAIN_MS) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, left);
}
