import type { RelPath } from "../base/paths.ts";
import type { Git } from "./git.ts";

/** A commit or a tag, with who made it and when. */
export interface LoggedCommit {
  readonly commit: string;
  /** Tags of this commit, in order of name. */
  readonly tags: readonly { readonly name: string; readonly message: string; readonly isAnnotated: boolean }[];
  /** Whoever made the tag, when there is an annotated one, else the author of the commit. */
  readonly who: { readonly name: string; readonly email: string };
  /** Seconds since 1970: of the annotated tag, else of the commit. */
  readonly time: number;
  readonly subject: string;
}

const FIELD = "%x1f";
const FORMAT = ["%H", "%an", "%ae", "%ct", "%s"].join(FIELD);

/**
 * Every tagged commit, and those that changed files which match `patterns` (Git's glob, from the top folder): in HEAD's
 * history, or with `all` in that of every branch. Newest first.
 */
export function snapshotLog(
  git: Git,
  patterns: readonly RelPath[],
  options: { readonly all?: boolean },
): LoggedCommit[] {
  const tags = tagFacts(git);
  const found = new Map<string, LoggedCommit>();
  const paths = patterns.map((pattern) => `:(top,glob)${pattern}`);
  const starts = options.all === true ? ["--branches", "--remotes", "HEAD"] : ["HEAD"];
  if (git.head() !== undefined) for (const one of logOf(git, [...starts, "--", ...paths])) note(one);
  const tagged = [...tags.keys()].filter((commit) => !found.has(commit));
  if (tagged.length > 0) for (const one of logOf(git, ["--no-walk=unsorted", "--stdin"], tagged)) note(one);
  return [...found.values()].sort((a, b) => b.time - a.time);

  function note(one: LoggedCommit): void {
    if (!found.has(one.commit)) found.set(one.commit, withTags(one, tags));
  }
}

function withTags(one: LoggedCommit, tags: ReadonlyMap<string, readonly TagFacts[]>): LoggedCommit {
  const here = tags.get(one.commit) ?? [];
  const made = here.findLast(({ isAnnotated }) => isAnnotated);
  return {
    ...one,
    tags: here.map(({ name, message, isAnnotated }) => ({ name, message, isAnnotated })),
    ...(made === undefined ? {} : { who: made.who, time: made.time }),
  };
}

function logOf(git: Git, words: readonly string[], input?: readonly string[]): LoggedCommit[] {
  const args = ["log", "--no-show-signature", "--encoding=UTF-8", `--format=${FORMAT}`, ...words];
  const { stdout } = git.run(args, input === undefined ? {} : { input: `${input.join("\n")}\n` });
  return stdout
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [commit = "", name = "", email = "", time = "", ...subject] = line.split("\x1f");
      return { commit, tags: [], who: { name, email }, time: Number(time), subject: subject.join("\x1f") };
    });
}

interface TagFacts {
  readonly name: string;
  readonly message: string;
  readonly isAnnotated: boolean;
  readonly who: { readonly name: string; readonly email: string };
  readonly time: number;
}

/** Commit -> its tags, in order of name. Tags of something that is no commit are left out. */
function tagFacts(git: Git): Map<string, TagFacts[]> {
  const fields = ["refname", "objecttype", "objectname", "*objecttype", "*objectname", "taggername", "taggeremail"];
  const format = [...fields, "taggerdate:unix", "contents:subject"].map((one) => `%(${one})`).join("%1f");
  const tags = new Map<string, TagFacts[]>();
  const lines = git.run(["for-each-ref", `--format=${format}`, "refs/tags/"], {}).stdout.toString("utf8");
  for (const line of lines.split("\n")) {
    const [ref = "", type, sha, peeledType, peeled, name = "", email = "", time = "", message = ""] =
      line.split("\x1f");
    const tag = ref.slice("refs/tags/".length);
    const isAnnotated = type === "tag";
    const commit = git.commitOfTag(tag, { type, sha, peeledType, peeled });
    if (commit === undefined) continue;
    const facts = {
      name: tag,
      message: isAnnotated ? message : "",
      isAnnotated,
      who: { name, email: email.replace(/^<|>$/g, "") },
      time: Number(time),
    };
    const here = tags.get(commit);
    if (here === undefined) tags.set(commit, [facts]);
    else here.push(facts);
  }
  return tags;
}

/** One commit, with its tags. */
export function commitFacts(git: Git, commit: string): LoggedCommit {
  const [one] = logOf(git, ["--no-walk=unsorted", "--stdin"], [commit]);
  return withTags(one as LoggedCommit, tagFacts(git));
}
