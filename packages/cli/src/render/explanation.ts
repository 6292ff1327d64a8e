import type { Explanation, Reason } from "@holdfast/core/api/explain";
import type { Colour, Paint } from "./colour.ts";

/** One line for each stage: what would become of it and why. */
export function explanationText(stages: readonly Explanation[], paint: Paint): string {
  return stages.map((one) => lineOf(one, paint)).join("\n");
}

const VERDICTS: Readonly<Record<Explanation["decision"], readonly [text: string, colour: Colour]>> = {
  run: ["runs", "yellow"],
  restore: ["is restored from the cache", "green"],
  record: ["is recorded anew", "yellow"],
  maybe: ["may run", "cyan"],
  skip: ["does not run", "dim"],
};

function lineOf({ stage, decision, frozen, reasons }: Explanation, paint: Paint): string {
  const [text, colour] = VERDICTS[decision];
  const because = reasons.length === 0 ? "nothing changed" : `because ${reasons.map(reasonText).join("; ")}`;
  const note = frozen ? " (frozen: its dependencies do not count)" : "";
  return `${paint(stage, "bold")}: ${paint(text, colour)}, ${because}${note}`;
}

function reasonText(reason: Reason): string {
  switch (reason.kind) {
    case "forced":
      return "it is forced";
    case "always":
      return "it runs each time";
    case "never-run":
      return "it never ran";
    case "command":
      return `its command changed ${differingParts(shown(reason.from), shown(reason.to)).map(cut).join(" -> ")}`;
    case "file":
      return "its file was edited";
    case "dependency":
      return `dependency ${reason.path} ${stateText(reason.state)}`;
    case "output":
      return `output ${reason.path} ${stateText(reason.state)}`;
    case "param":
      return paramText(reason);
    case "upstream":
      return `${reason.stage} before it may change ${reason.paths.join(", ")}`;
  }
}

function paramText(reason: Extract<Reason, { kind: "param" }>): string {
  const { file, key, state } = reason;
  if (key === undefined && state === "new") return `params of ${file} were never recorded`;
  if (key === undefined) return `params file ${file} ${stateText(state)}`;
  if (state === "new") return `param ${key} is new: ${short(reason.to)} (${file})`;
  if (state === "deleted") return `param ${key} is gone (${file})`;
  return `param ${key} changed ${short(reason.from)} -> ${short(reason.to)} (${file})`;
}

function stateText(state: string): string {
  switch (state) {
    case "modified":
      return "changed";
    case "deleted":
      return "is missing";
    case "new":
      return "is new";
    case "not in cache":
      return "is not in the cache";
    default:
      return `is ${state}`;
  }
}

/** Characters of a value; the rest is left out. */
const LONGEST = 60;

const short = (value: unknown): string => cut(shown(value));

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  return JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? Number(one) : one)) ?? "nothing";
}

function cut(text: string): string {
  const line = text.replaceAll("\n", "\\n");
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}

/** Of two long texts the words from the first to the last that differ, with one word before; short ones as they are. */
function differingParts(from: string, to: string): readonly string[] {
  if (Math.max(from.length, to.length) <= LONGEST) return [from, to];
  const [old, now] = [from.split(" "), to.split(" ")];
  const shorter = Math.min(old.length, now.length);
  let start = 0;
  while (start < shorter && old[start] === now[start]) start++;
  let end = 0;
  while (end < shorter - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  const part = (words: readonly string[]): string => {
    const kept = words.slice(Math.max(0, start - 1), words.length - end).join(" ");
    return `${start > 1 ? "… " : ""}${kept}${end > 0 ? " …" : ""}`;
  };
  return [part(old), part(now)];
}
