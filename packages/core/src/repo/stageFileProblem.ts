import type { InvalidFileError } from "../base/errors.ts";

/** What went wrong, as DVC's JSON tells it: the name of Python's class and its text. */
export interface ErrorRecord {
  readonly type: string;
  readonly msg: string;
}

/** The short form of what is wrong with a dvc.yaml, dvc.lock or .dvc file. @param rev the commit it is of */
export function stageFileProblem(error: InvalidFileError, rev: string | undefined): ErrorRecord {
  const headline = /^'.*' validation failed(?: in revision '\w+')?(: \d+ errors)?/s.exec(
    error.message.replaceAll("\n", ""),
  );
  if (headline === null) {
    const file = error.file.replace(/^\.[/\\]/, "");
    return { type: "YAMLSyntaxError", msg: `unable to read: '${file}', YAML file structure is corrupted` };
  }
  const [whole, count = ""] = headline;
  const plain = whole.slice(0, whole.length - count.length);
  const at = rev === undefined || plain.endsWith("'") ? "" : ` in revision '${rev.slice(0, 7)}'`;
  return { type: "YAMLValidationError", msg: `${plain}${at}${count}` };
}
