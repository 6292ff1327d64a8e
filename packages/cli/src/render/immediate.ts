import type { Reporter } from "@holdfast/core";
import type { TextOutput } from "./text.ts";

/** Prints each line at once: for work that lets other programs write to the same terminal or file in between. */
export function immediately(output: TextOutput): Reporter {
  return {
    emit(event) {
      output.emit(event);
      output.out.flush();
    },
  };
}
