import type { Git } from "./git.ts";

/** A tag with an author and a time; tags that are mere names have neither. */
export interface AnnotatedTag {
  readonly name: string;
  /** Seconds since 1970. */
  readonly time: number;
  readonly commit: string;
}

/** The annotated tags of commits, oldest first; those of one second by name. */
export function annotatedTags(git: Git): AnnotatedTag[] {
  const format = "%(objecttype) %(*objecttype) %(*objectname) %(taggerdate:unix) %(refname)";
  const lines = git
    .run(["for-each-ref", `--format=${format}`, "refs/tags/"], {})
    .stdout.toString("utf8")
    .split("\n");
  return lines
    .flatMap((line) => {
      const [, commit = "", time = "", name = ""] =
        /^tag commit ([0-9a-f]+) (\d*) refs\/tags\/(.+)$/.exec(line) ?? ([] as string[]);
      return name === "" ? [] : [{ name, time: Number(time), commit }];
    })
    .sort((a, b) => a.time - b.time);
}
