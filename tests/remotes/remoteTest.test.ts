import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RemoteTestResult, testRemote } from "../../packages/core/src/api/remoteTest.ts";
import { startFaultyProxy } from "../support/faultyHttp.ts";
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
    expect(denied.can).toEqual({ pull: "no", push: "no", gc: "no" });
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

  it("names the bucket's region where the remote names another", async () => {
    configure("s3://bucket/base", server.secretAccessKey);
    project.put(".dvc/config", `['remote "r"']\n    region = eu-west-1\n`);
    const result = await testRemote(project.open(), "r", { size: 0 });
    project.put(".dvc/config", "");
    expect(result.ok).toBe(true);
    expect(result.advice).toEqual([
      "The bucket is in the region 'us-east-1', not in 'eu-west-1': each command asks twice before it knows. Set it: `remote modify r region us-east-1`.",
    ]);
  });

  it("does not try on where the host's name is not known, and leaves nothing there, as it says", async () => {
    project.put(".dvc/config.local", `['remote "r"']\n    url = ssh://host.invalid/store\n`);
    const result = await testRemote(project.open(), "r");
    expect(result.steps.map(({ outcome }) => outcome).slice(0, 3)).toEqual(["passed", "failed", "skipped"]);
    expect(result.steps[1]?.problem?.message).toMatch(/^no connection to host\.invalid:22: the name /);
    expect(result.left).toEqual([]);
  });

  it("tells rights that are missing from each other", async () => {
    const denying = async (isDenied: (method: string, path: string) => boolean): Promise<RemoteTestResult> => {
      const proxy = await startFaultyProxy(server.endpoint, ({ method, path }) =>
        isDenied(method, path) ? { status: 403, error: "AccessDenied" } : "pass",
      );
      configure("s3://bucket/rights", server.secretAccessKey, proxy.endpoint);
      const result = await testRemote(project.open(), "r", { size: 1000 });
      await proxy.stop();
      return result;
    };
    const noList = await denying((method, path) => method === "GET" && path.includes("list-type"));
    expect(noList.can).toEqual({ pull: "yes", push: "yes", gc: "no" });
    expect(noList.advice).toEqual([expect.stringContaining("Grant the right to list")]);
    const noRemoval = await denying((method, path) => method === "DELETE" || path.includes("delete"));
    expect(noRemoval.can).toEqual({ pull: "yes", push: "yes", gc: "no" });
    expect(noRemoval.left).toHaveLength(1);
    expect(noRemoval.steps.filter(({ outcome }) => outcome === "failed").map(({ name }) => name)).toEqual(["remove"]);
    const noWrite = await denying((method) => method === "PUT");
    expect(noWrite.can).toEqual({ pull: "unknown", push: "no", gc: "unknown" });
  });

  it("says of options that can't be used what is wrong with them", async () => {
    project.put(
      ".dvc/config.local",
      `['remote "r"']\n    url = azure://box/base\n    connection_string = AccountKey=hush\n`,
    );
    const result = await testRemote(project.open(), "r");
    expect(result).toMatchObject({ ok: false, can: { pull: "no", push: "no", gc: "no" }, left: [] });
    expect(result.steps[0]?.problem?.message).toContain("names neither `AccountName` nor `BlobEndpoint`");
    expect(JSON.stringify(result)).not.toContain("hush");
  });

  it("tries a folder, and refuses a remote that does not exist", async () => {
    project.put(".dvc/config.local", `['remote "r"']\n    url = ${join(project.home, "store")}\n`);
    expect(await testRemote(project.open(), "r", { size: 0 })).toMatchObject({ ok: true, left: [] });
    await expect(testRemote(project.open(), "other")).rejects.toThrow("remote 'other' doesn't exist");
  });
});
