import { type Place, spellings } from "./places.ts";

/** A completion script for bash. */
export function bashScript(places: readonly Place[], programName: string): string {
  const name = `_${programName}`;
  const cases = places.map((place) => `    ${JSON.stringify(place.path.join(" "))}) ${caseBody(place)} ;;`).join("\n");
  const groups = places
    .filter((place) => place.path.length > 0 && place.words.length > 0)
    .map((place) => place.path.join(" "));
  return `# bash completion for ${programName}; made by \`${programName} completion\`
# A name comes from whoever wrote the repository: none is offered that a shell would take for more than a word.
${name}_remotes() {
  local remote rest
  while read -r remote rest; do
    case "$remote" in '' | *[!A-Za-z0-9._+@-]*) continue ;; "$1"*) COMPREPLY+=("$remote") ;; esac
  done < <(${programName} remote list 2>/dev/null)
}
${name}_files() { compgen -f -- "$1"; }
${name}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" place="" word index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "$word" in -*) continue ;; esac
    if [[ -z "$place" ]]; then place="$word"
    else case "$place" in ${groups.length === 0 ? "''" : groups.join("|")}) place="$place $word" ;; esac
    fi
    case "$place" in *" "*) break ;; esac
  done
  case "$prev" in -r|--remote) ${name}_remotes "$cur"; return ;; esac
  local words="" options="" files=""
  case "$place" in
${cases}
  esac
  if [[ "$cur" == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$cur")); return; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  case "$files" in
    remote) ${name}_remotes "$cur" ;;
    file) compopt -o filenames 2>/dev/null; COMPREPLY+=($(${name}_files "$cur")) ;;
  esac
}
complete -F ${name} ${programName}
`;
}

function caseBody(place: Place): string {
  const words = place.words.map((one) => one.name).join(" ");
  const options = place.options.flatMap(spellings).join(" ");
  const files = place.completes.includes("remote")
    ? "remote"
    : place.completes.some((one) => one !== "configName")
      ? "file"
      : "";
  return `words=${JSON.stringify(words)}; options=${JSON.stringify(options)}; files=${JSON.stringify(files)}`;
}
