import { mutated, pick, type Random } from "./mutate.ts";
import type { Target } from "./targets.ts";

/** An input that a parser did not take as it should. */
export interface Finding {
  readonly target: string;
  readonly input: Buffer;
  readonly error: Error;
}

/** No input of a few kilobytes may take longer (ms). */
const MOST_MS = 2000;

/** Tries one input. */
export async function tryInput(target: Target, input: Buffer): Promise<Finding | undefined> {
  const begun = performance.now();
  try {
    await target.run(input);
  } catch (error) {
    return { target: target.name, input, error: error instanceof Error ? error : new Error(String(error)) };
  }
  const took = performance.now() - begun;
  if (took < MOST_MS) return undefined;
  return { target: target.name, input, error: new Error(`took ${took.toFixed(0)} ms`) };
}

/** The next input: an input of the corpus with a few changes. */
export function nextInput(target: Target, corpus: readonly Buffer[], random: Random): Buffer {
  return mutated(pick(corpus, random), random, target.words, pick(corpus, random));
}

/** Seeds as bytes. Text of words and seeds that stands for bytes is Latin-1 only in binary targets, where it is given as bytes. */
export function seedsOf(target: Target): Buffer[] {
  return target.seeds.map((seed) => Buffer.from(seed as Uint8Array));
}
