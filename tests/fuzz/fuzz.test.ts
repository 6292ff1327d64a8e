import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readCorpus } from "./corpus.ts";
import { nextInput, seedsOf, tryInput } from "./engine.ts";
import { randomFrom } from "./mutate.ts";
import { targets } from "./targets.ts";

const CORPUS = join(dirname(fileURLToPath(import.meta.url)), "corpus");
/** Changed inputs for each parser; `npm run fuzz` tries as many as it has time for. */
const TRIES = 100;

describe("parsers take whatever they are given: a value, or the error that they promise", () => {
  it.each(targets.map((target) => [target.name, target] as const))("%s", async (_name, target) => {
    const random = randomFrom(20_261_127);
    const corpus = [...seedsOf(target), ...readCorpus(CORPUS, target.name)];
    const inputs = [...corpus, ...Array.from({ length: TRIES }, () => nextInput(target, corpus, random))];
    for (const input of inputs) {
      const finding = await tryInput(target, input);
      expect(finding?.error, JSON.stringify(input.toString("latin1"))).toBeUndefined();
    }
  });
});
