import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeFileSystem } from "../../packages/core/src/fs/fs.contract.ts";
import type { FileSystem } from "../../packages/core/src/fs/filesystem.ts";
import { openStorage } from "../../packages/core/src/fs/open.ts";
import { startS3Server, type S3Server } from "../support/s3Server.ts";

let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
  server.makeBucket("bucket");
});
afterAll(async () => {
  await server.stop();
});

async function open(
  values: Record<string, string>,
  env: Record<string, string> = {},
  url = "s3://bucket/base",
): Promise<{ fs: FileSystem; root: string }> {
  return openStorage(url, { values, env, home: "/nonexistent" });
}

function withKeys(more: Record<string, string> = {}): Record<string, string> {
  const { endpoint, accessKeyId, secretAccessKey } = server;
  return { endpointurl: endpoint, access_key_id: accessKeyId, secret_access_key: secretAccessKey, ...more };
}

describeFileSystem("S3", async () => {
  const own = await startS3Server();
  own.makeBucket("contract");
  const values = {
    endpointurl: own.endpoint,
    access_key_id: own.accessKeyId,
    secret_access_key: own.secretAccessKey,
  };
  const { fs, root } = await open(values, {}, "s3://contract/some/folder");
  return { fs, folder: root, stop: () => own.stop() };
});

describe("credentials of S3", () => {
  it("come from the environment", async () => {
    const env = { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey };
    const { fs } = await open({}, { ...env, AWS_ENDPOINT_URL_S3: server.endpoint });
    expect(await fs.stat("bucket/none")).toBeUndefined();
  });

  it("come from a profile of the user's file, with its endpoint and region", async () => {
    const home = mkdtempSync(join(tmpdir(), "hf-aws-"));
    const { accessKeyId, secretAccessKey, endpoint } = server;
    writeFileSync(
      join(home, "credentials"),
      `[work]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`,
    );
    writeFileSync(join(home, "config"), `[profile work]\nregion = us-east-1\nendpoint_url = ${endpoint}\n`);
    const paths = { credentialpath: join(home, "credentials"), configpath: join(home, "config") };
    const { fs } = await open({ profile: "work", ...paths });
    expect(await fs.stat("bucket/none")).toBeUndefined();
    const other = await open({ profile: "gone", ...paths, endpointurl: endpoint });
    await expect(other.fs.stat("bucket/none")).rejects.toMatchObject({
      code: "auth",
      message: "the AWS profile 'gone' does not exist",
    });
    rmSync(home, { recursive: true });
  });

  it("come from a program that the user's own file names, through the SDK", async () => {
    const home = mkdtempSync(join(tmpdir(), "hf-aws-"));
    const answer = JSON.stringify({
      Version: 1,
      AccessKeyId: server.accessKeyId,
      SecretAccessKey: server.secretAccessKey,
    });
    writeFileSync(join(home, "answer.json"), answer);
    writeFileSync(join(home, "config"), `[profile tool]\ncredential_process = cat ${join(home, "answer.json")}\n`);
    const { fs } = await open({ profile: "tool", configpath: join(home, "config"), endpointurl: server.endpoint });
    expect(await fs.stat("bucket/none")).toBeUndefined();
    rmSync(home, { recursive: true });
  });

  it("never come from a program that a committed config leads to", async () => {
    const home = mkdtempSync(join(tmpdir(), "hf-aws-"));
    const config = join(home, "config");
    writeFileSync(config, `[default]\ncredential_process = touch ${join(home, "ran")}\n`);
    const values = { configpath: config, endpointurl: server.endpoint };
    const options = { values, env: {}, home: "/nonexistent", untrusted: new Set(["configpath"]) };
    const { fs } = await openStorage("s3://bucket/base", { ...options, projectRoot: "/project" });
    await expect(fs.stat("bucket/none")).rejects.toMatchObject({ code: "config" });
    // And a file inside the repository is not even read.
    await expect(openStorage("s3://bucket/base", { ...options, projectRoot: home })).rejects.toMatchObject({
      code: "config",
    });
    expect(readdirSync(home)).toEqual(["config"]);
    rmSync(home, { recursive: true });
  });
});

describe("failures of S3 say what is wrong, and never the secret", () => {
  const failureOf = async (values: Record<string, string>, path = "bucket/none"): Promise<Error> => {
    const { fs } = await open(values, { AWS_MAX_ATTEMPTS: "2" });
    const error = await fs.readBytes(path).then(
      () => new Error("it worked"),
      (caught: unknown) => caught as Error,
    );
    expect(JSON.stringify(error) + error.message + String(error.stack)).not.toContain("verysecret");
    return error;
  };

  it("a missing bucket", async () => {
    const error = await failureOf(withKeys(), "no-such-bucket/key");
    expect(error).toMatchObject({
      code: "config",
      message: "the bucket 'no-such-bucket' does not exist (NoSuchBucket)",
    });
    const { fs } = await open(withKeys());
    // A HEAD has no text to tell it by, so the bucket is asked for.
    await expect(fs.stat("no-such-bucket/key")).rejects.toMatchObject({ code: "config" });
  });

  it("an unknown key id, and a wrong secret", async () => {
    expect(await failureOf(withKeys({ access_key_id: "nobody", secret_access_key: "verysecret" }))).toMatchObject({
      code: "auth",
      message: expect.stringContaining("the access key id is not known") as string,
    });
    expect(await failureOf(withKeys({ secret_access_key: "verysecret" }))).toMatchObject({
      code: "auth",
      message: expect.stringContaining("SignatureDoesNotMatch") as string,
    });
  });

  it("no rights", async () => {
    const values = { endpointurl: server.endpoint, allow_anonymous_login: "true" };
    expect(await failureOf(values)).toMatchObject({
      code: "auth",
      message: "access to 's3://bucket/none' was denied (AccessDenied)",
    });
  });

  it("no server, and no such host", async () => {
    expect(await failureOf(withKeys({ endpointurl: "http://127.0.0.1:1" }))).toMatchObject({
      code: "storage",
      message: "no answer from 127.0.0.1:1: nothing listens there (ECONNREFUSED)",
    });
    const nowhere = await failureOf(withKeys({ endpointurl: "http://nowhere.invalid" }));
    expect(nowhere.message).toMatch(/^no answer from nowhere.invalid:80: .*(ENOTFOUND|EAI_AGAIN)/);
  });
});

describe("large objects on S3", () => {
  it("leave no parts behind when the bytes are not the ones promised", async () => {
    const { fs, root } = await open(withKeys());
    const home = mkdtempSync(join(tmpdir(), "hf-large-"));
    const file = join(home, "file");
    writeFileSync(file, Buffer.alloc(20 << 20));
    await expect(fs.write(`${root}/x`, { file, size: 20 << 20 }, { md5: "0".repeat(32) })).rejects.toMatchObject({
      code: "corrupt-object",
    });
    await expect(fs.readBytes(`${root}/x`)).rejects.toMatchObject({ code: "not-found" });
    const left = readdirSync(server.folder, { recursive: true, withFileTypes: true });
    expect(left.filter((one) => one.isFile()).map((one) => one.name)).toEqual([]);
    rmSync(home, { recursive: true });
  });

  it("are fetched as they are", async () => {
    const { fs, root } = await open(withKeys());
    const home = mkdtempSync(join(tmpdir(), "hf-large-"));
    const bytes = Buffer.alloc(40 << 20, "some text, ");
    await fs.write(`${root}/y`, { bytes });
    await fs.download(`${root}/y`, join(home, "y"));
    expect(readFileSync(join(home, "y")).equals(bytes)).toBe(true);
    rmSync(home, { recursive: true });
  });
});
