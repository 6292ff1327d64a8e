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
