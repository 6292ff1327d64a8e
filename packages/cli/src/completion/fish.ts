import type { OptionSpec } from "../command.ts";
import { type Place, spellings } from "./places.ts";

/** A completion script for fish. */
export function fishScript(places: readonly Place[], programName: string): string {
  const lines = places.flatMap((place) => [
    ...wordLines(place, places, programName),
    ...optionLines(place, programName),
  ]);
  return `# fish completion for ${programName}; made by \`${programName} completion -s fish\`
function __${programName}_at
    set -l words (commandline -opc | string match -v -- '-*')
    test "$words[2..-1]" = "$argv"; or string match -q -- "$argv *" "$words[2..-1]"
end
function __${programName}_remotes
    ${programName} remote list 2>/dev/null | string split -f1 ' '
end
${lines.join("\n")}
`;
}

function wordLines(place: Place, places: readonly Place[], programName: string): string[] {
  if (place.words.length === 0) return [];
  // Sub-commands are offered only where none was typed yet.
  const names = place.words.map((one) => one.name).join(" ");
  const seen = places.length > 0 ? `not __fish_seen_subcommand_from ${names}` : "true";
  const condition = place.path.length === 0 ? seen : `__${programName}_at ${place.path.join(" ")}; and ${seen}`;
  return place.words.map(
    (one) => `complete -c ${programName} -f -n ${quote(condition)} -a ${one.name} -d ${quote(one.help)}`,
  );
}

function optionLines(place: Place, programName: string): string[] {
  if (place.path.length === 0) return place.options.map((spec) => optionLine(spec, "", programName));
  const condition = ` -n ${quote(`__${programName}_at ${place.path.join(" ")}`)}`;
  const own = place.options.map((spec) => optionLine(spec, condition, programName));
  return place.completes.includes("remote")
    ? [...own, `complete -c ${programName} -f${condition} -a '(__${programName}_remotes)'`]
    : own;
}

function optionLine(spec: OptionSpec, condition: string, programName: string): string {
  const flags = spellings(spec).map((one) => (one.startsWith("--") ? `-l ${one.slice(2)}` : `-s ${one.slice(1)}`));
  const takes = spec.kind === "value" || spec.kind === "append" || spec.kind === "pairs";
  const values =
    spec.choices !== undefined
      ? ` -a ${quote(spec.choices.join(" "))}`
      : spec.complete === "remote"
        ? ` -a '(__${programName}_remotes)'`
        : "";
  return `complete -c ${programName}${condition} ${flags.join(" ")}${takes ? " -r" : ""}${values} -d ${quote(spec.help)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
