import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { commit } from "../../packages/core/src/api/commit.ts";
import { repro } from "../../packages/core/src/api/repro.ts";
import { status } from "../../packages/core/src/api/status.ts";
import { openStorage } from "../../packages/core/src/fs/open.ts";
import { makeProject, type ProjectFixture } from "../support/project.ts";
import { startS3Server, type S3Server } from "../support/s3Server.ts";

let server: S3Server;
let project: ProjectFixture;

const options = (): Record<string, string> => ({
  url: "s3://sources",
  endpointurl: server.endpoint,
  access_key_id: server.accessKeyId,
  secret_access_key: server.secretAccessKey,
  region: "us-east-1",
});

async function withStorage(work: (storage: Awaited<ReturnType<typeof openStorage>>) => Promise<void>): Promise<void> {
  const { env, home } = project.environment();
  const storage = await openStorage("s3://sources", { values: options(), env, home });
  await work(storage);
  await storage.fs.close();
}

const read = (path: string): string => readFileSync(join(project.root, path), "utf8");

const put = (key: string, text: string): Promise<void> =>
  withStorage(({ fs, root }) => fs.write(`${root}/${key}`, { bytes: Buffer.from(text) }));

async function run<T>(work: (repo: ReturnType<ProjectFixture["open"]>) => Promise<T>): Promise<T> {
  const repo = project.open();
  try {
    return await work(repo);
  } finally {
    repo.close();
  }
}

beforeAll(async () => {
  server = await startS3Server();
  server.makeBucket("sources");
});

afterAll(() => server.stop());

beforeEach(() => {
  project = makeProject();
  const lines = Object.entries(options()).map(([name, value]) => `    ${name} = ${value}\n`);
  writeFileSync(join(project.root, ".dvc", "config.local"), `['remote "r"']\n${lines.join("")}`);
  writeFileSync(
    join(project.root, "dvc.yaml"),
    "stages:\n  a:\n    cmd: echo x >> out\n    deps:\n    - remote://r/f\n    outs:\n    - out:\n        persist: true\n        cache: false\n",
  );
});

afterEach(() => {
  project.remove();
});

// What DVC 3.67.1 does with a dependency on a storage, compared by hand on HTTP and S3.
it("dependencies on a storage are recorded by its ETag; the stage runs again when that changes, and only then", async () => {
  await put("f", "one");
  await run((repo) => repro(repo, []));
  expect(read("dvc.lock")).toContain(
    "    - path: remote://r/f\n      hash: md5\n      etag: f97c5d29941bfb1b2fdab0874906ab82\n      size: 3\n",
  );
  await run((repo) => repro(repo, []));
  expect(read("out")).toBe("x\n");
  expect(await run((repo) => status(repo))).toMatchObject({ status: {} });
  await run((repo) => commit(repo, "a"));

  await put("f", "two");
  const changed = { a: [{ "changed deps": { "remote://r/f": "modified" } }] };
  expect(await run((repo) => status(repo))).toMatchObject({ status: changed });
  await expect(run((repo) => commit(repo, "a"))).rejects.toThrow("unable to commit changed stage: 'a'");
  await run((repo) => commit(repo, "a", { force: true }));
  expect(await run((repo) => status(repo))).toMatchObject({ status: {} });

  await put("f", "three");
  await run((repo) => repro(repo, []));
  expect(read("out")).toBe("x\nx\n");
});

it("a dependency that the storage no longer has stops the stage before anything is removed", async () => {
  await put("f", "one");
  await run((repo) => repro(repo, []));
  await withStorage(({ fs, root }) => fs.remove(`${root}/f`));
  expect(await run((repo) => status(repo))).toMatchObject({
    status: { a: [{ "changed deps": { "remote://r/f": "deleted" } }] },
  });
  await expect(run((repo) => repro(repo, []))).rejects.toMatchObject({
    message: "failed to reproduce 'a'",
    cause: { message: "dependency 'remote://r/f' does not exist" },
  });
  expect(read("out")).toBe("x\n");
});
