import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testRemote } from "../../packages/core/src/api/remoteTest.ts";
import { makeProject, type ProjectFixture } from "../support/project.ts";
import { startS3Server, type S3Server } from "../support/s3Server.ts";

let server: S3Server;
let project: ProjectFixture;

beforeAll(async () => {
  server = await startS3Server();
  server.makeBucket("bucket");
  project = makeProject();
});
afterAll(async () => {
  project.remove();
  await server.stop();
});

const configure = (url: string, secret: string, endpoint = server.endpoint): void => {
  project.put(
    ".dvc/config.local",
    `['remote "r"']\n    url = ${url}\n    endpointurl = ${endpoint}\n    access_key_id = ${server.accessKeyId}\n    secret_access_key = ${secret}\n`,
  );
};

describe("remote test, against a real S3 server", () => {
  it("uses all of it, measures, leaves nothing behind and shows no secret", async () => {
    configure("s3://bucket/base", server.secretAccessKey);
    const result = await testRemote(project.open(), "r", { size: 1 << 20 });
    expect(result.steps.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 8 }, () => "passed"));
    expect(result).toMatchObject({
      ok: true,
      can: { pull: "yes", push: "yes", gc: "yes" },
      left: [],
      access: { credentials: "the remote's options (access_key_id, secret_access_key)", endpoint: server.endpoint },
    });
    expect(result.speed?.large.bytes).toBe(1 << 20);
    expect(JSON.stringify(result)).not.toContain(server.secretAccessKey);
    const base = join(server.folder, "bucket", "base");
    expect(existsSync(base) ? readdirSync(base) : []).toEqual([]);
  });

  it("says what is wrong with a key, a bucket, and a server that is not there", async () => {
    configure("s3://bucket/base", "another");
    const denied = await testRemote(project.open(), "r");
    expect(denied.can).toEqual({ pull: "unknown", push: "no", gc: "no" });
    expect(denied.steps[1]?.problem).toMatchObject({ code: "auth" });
    expect(denied.left).toEqual([]);
    configure("s3://none/base", server.secretAccessKey);
    const noBucket = await testRemote(project.open(), "r");
    expect(noBucket.steps[1]?.problem?.message).toContain("the bucket 'none' does not exist");
    configure("s3://bucket/base", server.secretAccessKey, "http://127.0.0.1:9");
    const noServer = await testRemote(project.open(), "r");
    expect(noServer).toMatchObject({ ok: false, can: { pull: "no", push: "no", gc: "no" } });
    expect(noServer.steps[1]?.problem?.message).toContain("no answer from 127.0.0.1:9");
  });

  it("tries a folder, and refuses a remote that does not exist", async () => {
    project.put(".dvc/config.local", `['remote "r"']\n    url = ${join(project.home, "store")}\n`);
    expect(await testRemote(project.open(), "r", { size: 0 })).toMatchObject({ ok: true, left: [] });
    await expect(testRemote(project.open(), "other")).rejects.toThrow("remote 'other' doesn't exist");
  });
});
