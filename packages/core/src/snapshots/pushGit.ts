import { ScmError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import type { Git } from "../scm/git.ts";
import type { PushTarget } from "../scm/gitPlace.ts";

/**
 * Sends the branch and the tag, both or neither.
 * @returns where they went, for a person. @throws {ScmError} when the other side does not have them afterwards
 */
export async function pushGit(
  git: Git,
  { remote, branch }: PushTarget,
  tag: string | undefined,
  { signal }: CallOptions,
): Promise<string> {
  const tags = tag === undefined ? [] : [`refs/tags/${tag}:refs/tags/${tag}`];
  const specs = [...(branch === undefined ? [] : [`HEAD:${branch}`]), ...tags];
  const call = signal === undefined ? {} : { signal };
  const send = (words: readonly string[]): Promise<unknown> =>
    git.runBeside(["push", ...words, remote, ...specs], call);
  try {
    await send(specs.length > 1 ? ["--atomic"] : []).catch((error: unknown) => {
      if (error instanceof ScmError && error.message.includes("does not support --atomic")) return send([]);
      throw error;
    });
  } catch (error) {
    // Also when it was stopped: what arrived can't be taken back.
    if (!(await hasArrived(git, remote, branch, tag))) throw error;
  }
  const names = [branch?.replace(/^refs\/heads\//, ""), tag].filter((one) => one !== undefined);
  return `${remote} (${names.join(", ")})`;
}

/** How long the other side may take to say what it has, ms. */
const ANSWER_MS = 20_000;

/** Whether the other side has everything although the push failed: the line may have been cut after its work was done. */
async function hasArrived(
  git: Git,
  remote: string,
  branch: string | undefined,
  tag: string | undefined,
): Promise<boolean> {
  const refs = [...(branch === undefined ? [] : [branch]), ...(tag === undefined ? [] : [`refs/tags/${tag}`])];
  const call = { allow: [0, 1, 2, 128], signal: AbortSignal.timeout(ANSWER_MS) };
  const answer = await git.runBeside(["ls-remote", "--quiet", remote, ...refs], call).catch(() => undefined);
  if (answer?.code !== 0) return false;
  const found = new Map(
    answer.stdout
      .toString("utf8")
      .split("\n")
      .map((line): [string, string] => [line.split("\t")[1] ?? "", line.split("\t")[0] ?? ""]),
  );
  const isThere = branch === undefined || found.get(branch) === git.head();
  return isThere && (tag === undefined || found.get(`refs/tags/${tag}`) === git.ref(`refs/tags/${tag}`));
}
