/** What went wrong in a template; `spacing` between preamble and message differs by kind, as in DVC. */
export type ProblemKind = "syntax" | "merge" | "loaded" | "key" | "params" | "reserved";

/** Internal to templating: becomes a `FormatError` with the place in front before it leaves. */
export class TemplateProblem extends Error {
  readonly kind: ProblemKind;
  constructor(kind: ProblemKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Whether the message starts on its own line. */
export function startsOnOwnLine(kind: ProblemKind): boolean {
  return kind === "syntax" || kind === "merge" || kind === "loaded";
}
