import type { Command, CommandGroup } from "../command.ts";
import { placesOf } from "./places.ts";

/** A shell that a script can be made for. */
export type Shell = "bash" | "zsh" | "fish";

/** Makes a completion script from the tables of the commands. */
export async function completionScript(
  shell: Shell,
  commands: readonly (Command | CommandGroup)[],
  programName: string,
): Promise<string> {
  const places = placesOf(commands);
  if (shell === "bash") return (await import("./bash.ts")).bashScript(places, programName);
  if (shell === "zsh") return (await import("./zsh.ts")).zshScript(places, programName);
  return (await import("./fish.ts")).fishScript(places, programName);
}
