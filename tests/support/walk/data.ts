import { createHash } from "node:crypto";

/** The paths that a walk gives data to; none lies in another. */
export const NAMES = ["data", "img/raw", "one", "deep/two"] as const;
export type Name = (typeof NAMES)[number];

/** Names within folders. */
export const INSIDE = ["a", "b", "sub/c", "sub/d"] as const;

/** The texts of the files of a folder by their names; of a single file under the name "". */
export type Data = ReadonlyMap<string, string>;

/** A single file. */
export function fileOf(text: string): Data {
  return new Map([["", text]]);
}

/** Whether it is a folder. */
export function isFolder(data: Data): boolean {
  return !data.has("");
}

/** Hex md5. */
export function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

/** What names it in a pointer file. */
export function oidOf(data: Data): string {
  const text = data.get("");
  return text === undefined ? `${md5(manifestOf(data))}.dir` : md5(text);
}

function manifestOf(data: Data): string {
  const lines = [...data]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => `{"md5": "${md5(text)}", "relpath": "${name}"}`);
  return `[${lines.join(", ")}]`;
}

/** All objects that hold it. */
export function objectsOf(data: Data): string[] {
  return [...new Set([...[...data.values()].map(md5), oidOf(data)])];
}

/** Whether both hold the same, file by file. */
export function isSame(a: Data | undefined, b: Data | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return oidOf(a) === oidOf(b);
}
