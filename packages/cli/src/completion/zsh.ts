import type { OptionSpec } from "../command.ts";
import { type Place, spellings } from "./places.ts";

/** A completion script for zsh. */
export function zshScript(places: readonly Place[], programName: string): string {
  const functions = places.map((place) => functionOf(place, programName)).join("\n");
  return `#compdef ${programName}
# zsh completion for ${programName}; made by \`${programName} completion -s zsh\`
_${programName}_remotes() {
  local -a remotes
  remotes=(\${(f)"$(${programName} remote list 2>/dev/null | cut -d' ' -f1)"})
  compadd -a remotes
}
${functions}
if [ "$funcstack[1]" = "_${programName}" ]; then _${programName} "$@"; else compdef _${programName} ${programName}; fi
`;
}

function functionName(place: Place, programName: string): string {
  return ["_" + programName, ...place.path.map((word) => word.replaceAll("-", "_"))]
    .join("__")
    .replace(/^(_[^_]+)__$/, "$1");
}

function functionOf(place: Place, programName: string): string {
  const options = place.options.flatMap((spec) => optionLines(spec, programName));
  if (place.words.length === 0) {
    return `${functionName(place, programName)}() {\n  _arguments -s \\\n${[...options, `'*:argument:${actionOf(place.completes, programName)}'`].map((line) => `    ${line}`).join(" \\\n")}\n}`;
  }
  const words = place.words.map((one) => `    ${quote(`${one.name.replaceAll(":", "\\:")}:${one.help}`)}`).join("\n");
  const calls = place.words.map((one) => {
    const path = [...place.path, one.name];
    return `        ${one.name}) ${functionName({ ...place, path }, programName)} ;;`;
  });
  return `${functionName(place, programName)}() {
  local state line
  local -a commands
  commands=(
${words}
  )
  _arguments -C -s \\
${options.map((line) => `    ${line}`).join(" \\\n")} \\
    '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
${calls.join("\n")}
      esac ;;
  esac
}`;
}

function optionLines(spec: OptionSpec, programName: string): string[] {
  const all = spellings(spec);
  const takes = spec.kind === "value" || spec.kind === "append" || spec.kind === "pairs";
  const value = takes
    ? `:${(spec.metavar ?? "value").replace(/[<>:]/g, "")}:${spec.choices === undefined ? actionOf(spec.complete === undefined ? [] : [spec.complete], programName) : `(${spec.choices.join(" ")})`}`
    : "";
  const help = spec.help.replace(/[[\]:]/g, (sign) => `\\${sign}`);
  return all.map((one) =>
    quote(`(${all.join(" ")})${one}${takes && one.startsWith("--") ? "=" : ""}[${help}]${value}`),
  );
}

function actionOf(completes: readonly string[], programName: string): string {
  if (completes.includes("remote")) return `_${programName}_remotes`;
  return completes.includes("dir") ? "_files -/" : completes.includes("configName") ? "" : "_files";
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
