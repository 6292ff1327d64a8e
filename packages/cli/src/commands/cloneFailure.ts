import { ScmError } from "@holdfast/core";

/** Whether another repository could not be copied at all: DVC then leaves its URL out of the context. */
export function isCloneFailure(error: unknown): boolean {
  return error instanceof ScmError && error.name === "CloneError";
}
