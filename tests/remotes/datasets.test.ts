import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { addDataset, updateDataset } from "../../packages/core/src/api/dataset.ts";
import { openStorage } from "../../packages/core/src/fs/open.ts";
import { makeProject, type ProjectFixture } from "../support/project.ts";
import { startS3Server, type S3Server } from "../support/s3Server.ts";

let server: S3Server;
let project: ProjectFixture;

const options = (): Record<string, string> => ({
  url: "s3://sets",
  endpointurl: server.endpoint,
  access_key_id: server.accessKeyId,
  secret_access_key: server.secretAccessKey,
  region: "us-east-1",
});

async function put(key: string, text: string): Promise<void> {
  const { env, home } = project.environment();
  const { fs, root } = await openStorage("s3://sets", { values: options(), env, home });
  await fs.write(`${root}/${key}`, { bytes: Buffer.from(text) });
  await fs.close();
}

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
  server.makeBucket("sets");
});

afterAll(() => server.stop());

beforeEach(() => {
  project = makeProject();
  const lines = Object.entries(options()).map(([name, value]) => `    ${name} = ${value}\n`);
  writeFileSync(join(project.root, ".dvc", "config.local"), `['remote "r"']\n${lines.join("")}`);
});

afterEach(() => {
  project.remove();
});

// The form of the record is what DVC 3.67.1 wrote of a bucket with versions; here versions are named when the server has them.
it("records a file and a folder of S3 with their checksums, and tells what changed", async () => {
  await put("f.txt", "one");
  await put("d/a", "aa");
  await put("d/s/b", "bbb");
  await run((repo) => addDataset(repo, "f", { url: "remote://r/f.txt" }));
  await run((repo) => addDataset(repo, "d", { url: "remote://r/d" }));
  const lock = (): string => readFileSync(join(project.root, "dvc.lock"), "utf8").replace(/^ +version_id: \S+\n/gm, "");
  expect(lock()).toBe(`schema: '2.0'
datasets:
- name: f
  url: remote://r/f.txt
  type: url
  meta:
    size: 3
    etag: f97c5d29941bfb1b2fdab0874906ab82
- name: d
  url: remote://r/d
  type: url
  meta:
    isdir: true
    size: 5
    nfiles: 2
  files:
  - relpath: a
    meta:
      size: 2
      etag: 4124bc0a9335c27f086f24ba207a4912
  - relpath: s/b
    meta:
      size: 3
      etag: 08f8e0260c64418510cefb2b06eee5cd
stages: {}
`);
  expect((await run((repo) => updateDataset(repo, "d"))).isChanged).toBe(false);
  await put("d/a", "aax");
  await put("d/c", "bbb");
  const update = await run((repo) => updateDataset(repo, "d"));
  expect([update.modified, update.added, update.deleted]).toEqual([["a"], ["c"], []]);
  // A file in place of a folder: nothing of the old record stays.
  await run((repo) => addDataset(repo, "d", { url: "remote://r/f.txt", force: true }));
  expect(lock()).toContain("- name: d\n  url: remote://r/f.txt\n  type: url\n  meta:\n    size: 3\n    etag:");
  await expect(run((repo) => addDataset(repo, "n", { url: "remote://r/nope" }))).rejects.toThrow(
    "dependency 'remote://r/nope' does not exist",
  );
  await expect(run((repo) => updateDataset(repo, "d", { rev: "3" }))).rejects.toThrow(
    "cannot update version/revision for a url",
  );
});
