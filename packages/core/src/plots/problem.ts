import { DvcError, FormatError, GitIgnoredError, GraphError, InvalidFileError } from "../base/errors.ts";
import { type ErrorRecord, stageFileProblem } from "../repo/stageFileProblem.ts";

/** Why a plot, or a part of it, could not be made. `type` is the name of DVC's exception, `msg` its text. */
export type Problem = ErrorRecord;

/** Type of the problem that the manifest of a tracked folder can't be had. */
export const LOST_FOLDER = "DataIndexDirError";

/** A failure with the name that DVC's JSON gives it. */
export class PlotError extends DvcError {
  /** Name of DVC's (or Python's) exception. */
  readonly type: string;
  constructor(type: string, message: string) {
    super(message, { code: "format" });
    this.type = type;
  }
}

/** A template that is missing or does not fit. DVC calls these unexpected. */
export class TemplateError extends Error {}

/** What of an expected failure goes into the result. @param rev the commit it is of @throws what is not one */
export function problemOf(error: unknown, rev?: string): Problem {
  if (!(error instanceof DvcError) || error.code === "aborted") throw error;
  if (error instanceof InvalidFileError) return stageFileProblem(error, rev);
  return { type: typeOf(error), msg: error.message };
}

function typeOf(error: DvcError): string {
  if (error instanceof PlotError) return error.type;
  const kind = /, (\w+) file structure is corrupted$/.exec(error.message)?.[1];
  if (kind !== undefined) return `${kind}FileCorruptedError`;
  if (error.message.startsWith("[Errno 2]")) return "FileNotFoundError";
  if (error.message.startsWith("failed to load directory")) return LOST_FOLDER;
  if (error.message.startsWith("failed to parse ")) return "ResolveError";
  if (error instanceof GraphError) return "OutputDuplicationError";
  if (error instanceof GitIgnoredError) return "FileIsGitIgnored";
  return error instanceof FormatError ? "FormatError" : "DvcException";
}
