// `npm run fuzz [-- TARGET…] [--seconds N] [--seed N]`: guided by coverage; keeps what reaches new code and what fails.
import { Session } from "node:inspector";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { keepInput, readCorpus } from "./corpus.ts";
import { type Finding, nextInput, seedsOf, tryInput } from "./engine.ts";
import { randomFrom } from "./mutate.ts";
import { type Target, targets } from "./targets.ts";

/** Coverage is asked for once for so many inputs: asking takes longer than parsing. */
const BATCH = 64;

/** Which parts of the code have been run. */
class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Whether code was run since the last call that had never been run before. `note`: from now on it has. */
  isNew(note: boolean): boolean {
    let found = false;
    this.#session.post("Profiler.takePreciseCoverage", (_error, answer) => {
      for (const { scriptId, url, functions } of answer.result) {
        if (!url.endsWith("fuzz.mjs")) continue;
        for (const { ranges } of functions) {
          for (const { startOffset, endOffset, count } of ranges) {
            const key = `${scriptId}:${startOffset}-${endOffset}`;
            if (count === 0 || this.#seen.has(key)) continue;
            found = true;
            if (note) this.#seen.add(key);
          }
        }
      }
    });
    return found;
  }
}

interface Options {
  readonly corpus: string;
  readonly milliseconds: number;
  readonly seed: number;
}

async function fuzz(target: Target, coverage: Coverage, options: Options): Promise<Finding[]> {
  const random = randomFrom(options.seed);
  const corpus = [...seedsOf(target), ...readCorpus(options.corpus, target.name)];
  const findings: Finding[] = [];
  const seen = new Set<string>();
  let count = 0;
  let kept = 0;
  const attempt = async (input: Buffer): Promise<void> => {
    count++;
    const finding = await tryInput(target, input);
    const text = finding?.error.message.replace(/\d+/g, "").slice(0, 60);
    if (finding === undefined || text === undefined || seen.has(text)) return;
    seen.add(text);
    findings.push(finding);
    console.log(`${target.name}: ${keepInput(options.corpus, target.name, input)}\n${finding.error.stack ?? ""}`);
  };
  for (const input of corpus) await attempt(input);
  coverage.isNew(true);
  for (const end = performance.now() + options.milliseconds; performance.now() < end;) {
    const batch = Array.from({ length: BATCH }, () => nextInput(target, corpus, random));
    for (const input of batch) await attempt(input);
    if (!coverage.isNew(false)) continue;
    for (const input of batch) {
      await attempt(input);
      if (!coverage.isNew(true)) continue;
      corpus.push(input);
      keepInput(options.corpus, target.name, input);
      kept++;
    }
  }
  console.log(`${target.name}: ${String(count)} inputs, ${String(kept)} kept, ${String(findings.length)} findings`);
  return findings;
}

const names = targets.map((one) => one.name);
const USAGE = `npm run fuzz [-- TARGET… --seconds N --seed N]\nTargets: ${names.join(", ")}`;

/** The words of the command line; with a wrong one, or when asked, says what there is. */
function readWords(): { readonly chosen: readonly string[]; readonly seconds: string; readonly seed?: string } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { seconds: { type: "string", default: "20" }, seed: { type: "string" }, help: { type: "boolean" } },
    });
    const unknown = positionals.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new Error(`there is no target '${unknown}'`);
    if (values.help !== true) return { chosen: positionals, ...values };
    console.log(USAGE);
    process.exit();
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(1);
  }
}

const values = readWords();
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const chosen = targets.filter(({ name }) => values.chosen.length === 0 || values.chosen.includes(name));
const corpus = join(process.cwd(), "tests", "fuzz", "corpus");
console.log(`seed ${String(seed)}, ${values.seconds} seconds for each of ${String(chosen.length)} targets`);
const coverage = new Coverage();
let failed = 0;
for (const target of chosen)
  failed += (await fuzz(target, coverage, { corpus, milliseconds: Number(values.seconds) * 1000, seed })).length;
process.exitCode = failed > 0 ? 1 : 0;
