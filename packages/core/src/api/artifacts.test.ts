import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";
import { add } from "./add.ts";
import { artifactUrl, findArtifact, getArtifact } from "./artifacts.ts";

let here: ProjectFixture;
let there: ProjectFixture;
let commits: string[];

async function publish(tracked: readonly string[]): Promise<void> {
  const repo = there.open();
  await add(repo, tracked);
  repo.close();
  there.git("add", "-A");
  there.git("commit", "-q", "-m", "x");
  commits.push(there.git("rev-parse", "HEAD"));
}

/** Tags are told apart by their second. */
function tag(name: string, second: number): void {
  const date = new Date(Date.UTC(2024, 0, 1, 0, 0, second)).toISOString();
  const env = { ...there.environment().env, GIT_COMMITTER_DATE: date };
  const user = ["-c", "user.name=T", "-c", "user.email=t@example.org"];
  execFileSync("git", [...user, "tag", "-a", name, "-m", "x"], { cwd: there.root, env });
}

const read = (name: string): string => readFileSync(join(here.root, name), "utf8");

beforeEach(async () => {
  here = makeProject();
  there = makeProject();
  commits = [];
  there.put(".dvc/.gitignore", "/cache\n/tmp\n");
  there.put("dvc.yaml", "artifacts:\n  mm:\n    path: model.bin\n    type: model\n");
  there.put("sub/dvc.yaml", "artifacts:\n  sm:\n    path: ../sub/m.bin\n");
  there.put("model.bin", "one\n");
  there.put("sub/m.bin", "sub\n");
  await publish(["model.bin", "sub/m.bin"]);
  tag("mm@v1.0.0", 1);
  tag("mm#prod#1", 2);
  tag("sub=sm@v0.1.0", 3);
  there.put("model.bin", "two\n");
  await publish(["model.bin"]);
  tag("mm@v1.10.0", 4);
  tag("mm@v1.9.0", 5);
  there.git("tag", "mm@v9.0.0");
});

afterEach(() => {
  here.remove();
  there.remove();
});

it("gets the newest version, a version and what a stage was given last", async () => {
  const env = here.environment();
  expect(await getArtifact(env, there.root, "mm")).toEqual({ path: "model.bin", nfiles: 1 });
  expect(read("model.bin")).toBe("two\n");
  await getArtifact(env, there.root, "mm", { version: "v1.0.0", out: "old" });
  expect(read("old")).toBe("one\n");
  expect((await findArtifact(env, there.root, "mm", { stage: "prod" })).rev).toBe(commits[0]);
  // As GTO's look-up has it, what was taken back last counts as well.
  tag("mm#prod!#2", 6);
  expect((await findArtifact(env, there.root, "mm", { stage: "prod" })).rev).toBe(commits[1]);
});

it("finds those of other folders, from a clone too", async () => {
  const env = here.environment();
  const place = { path: "sub/m.bin", rev: commits[0] };
  expect(await findArtifact(env, there.root, "sub:sm")).toEqual(place);
  expect(await findArtifact(env, `file://${there.root}`, "sub/dvc.yaml:sm")).toEqual(place);
  expect((await artifactUrl(env, there.root, "mm", { version: "v1.0.0" })).url).toContain("/files/md5/");
});

it("says what there is not, and writes nothing then", async () => {
  const env = here.environment();
  const failure = async (name: string, version?: string): Promise<string> => {
    const error = await getArtifact(env, there.root, name, version === undefined ? {} : { version }).catch(
      (reason: unknown) => reason as Error,
    );
    return error instanceof Error ? `${error.message}: ${(error.cause as Error).message}` : "no failure";
  };
  expect(await failure("nope")).toBe(
    "Failed to download artifact 'nope' via DVC remote: Unable to find artifact 'nope'",
  );
  // A tag that is a mere name says nothing.
  expect(await failure("mm", "v9.0.0")).toContain("Unable to find artifact 'mm @ v9.0.0'");
  await expect(getArtifact(env, there.root, "mm", { version: "v1.0.0", stage: "prod" })).rejects.toThrow(
    "Artifact version and stage are mutually exclusive.",
  );
  expect(existsSync(join(here.root, "model.bin"))).toBe(false);
});
