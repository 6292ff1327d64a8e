import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../base/errors.ts";
import { parseAwsFile } from "./awsFiles.ts";
import type { OpenOptions } from "./openOptions.ts";
import { s3Settings } from "./s3Settings.ts";

const read = (values: OpenOptions["values"], env: OpenOptions["env"] = {}): ReturnType<typeof s3Settings> =>
  s3Settings({ values, env, home: "/nonexistent" });

describe("options of an S3 remote", () => {
  it("become headers of what is written", () => {
    const kms = read({ sse: "aws:kms", sse_kms_key_id: "key", acl: "bucket-owner-full-control" });
    expect(kms.writeHeaders).toEqual({
      "x-amz-server-side-encryption": "aws:kms",
      "x-amz-server-side-encryption-aws-kms-key-id": "key",
      "x-amz-acl": "bucket-owner-full-control",
    });
    expect(read({ grant_read: "id=1", grant_write_acp: "id=2" }).writeHeaders).toEqual({
      "x-amz-grant-read": "id=1",
      "x-amz-grant-write-acp": "id=2",
    });
  });

  it("send a customer's key with reads and writes", () => {
    const key = Buffer.alloc(32, 7);
    const settings = read({ sse_customer_key: key.toString("base64") });
    const headers = {
      "x-amz-server-side-encryption-customer-algorithm": "AES256",
      "x-amz-server-side-encryption-customer-key": key.toString("base64"),
      "x-amz-server-side-encryption-customer-key-md5": createHash("md5").update(key).digest("base64"),
    };
    expect(settings.writeHeaders).toEqual(headers);
    expect(settings.customerHeaders).toEqual(headers);
  });

  it("refuse what does not go together or does not fit", () => {
    for (const values of [
      { acl: "private", grant_read: "id=1" },
      { sse_customer_key: "AAAA", sse_kms_key_id: "key" },
      { access_key_id: "only" },
      { use_ssl: "maybe" },
      { read_timeout: "soon" },
      { endpointurl: "ftp://x" },
    ])
      expect(() => read(values)).toThrow(ConfigError);
  });

  it("win over the environment, which wins over the defaults", () => {
    const env = { AWS_REGION: "eu-west-1", AWS_ENDPOINT_URL: "http://env:1", AWS_CA_BUNDLE: "/env.pem" };
    const given = read({ region: "us-west-2", endpointurl: "https://own:2", ssl_verify: "/own.pem" }, env);
    expect([given.region, given.endpoint?.host, given.verify]).toEqual(["us-west-2", "own:2", "/own.pem"]);
    const fromEnv = read({}, env);
    expect([fromEnv.region, fromEnv.endpoint?.host, fromEnv.verify]).toEqual(["eu-west-1", "env:1", "/env.pem"]);
    expect(read({}, { ...env, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" }).endpoint).toBeUndefined();
    expect(read({ ssl_verify: "false" }, env).verify).toBe(false);
    expect(read({}).readTimeoutMs).toBe(60_000);
  });

  it("name buckets in the path for own endpoints, in the host for Amazon's", () => {
    expect(read({ endpointurl: "http://minio:9000" }).pathStyle).toBe(true);
    expect(read({ endpointurl: "https://s3.eu-west-1.amazonaws.com" }).pathStyle).toBe(false);
    expect(read({}).pathStyle).toBe(false);
  });

  it("take keys from the environment unless a profile is asked for by name", () => {
    const env = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret", AWS_SESSION_TOKEN: "token" };
    expect(read({}, env).keys).toEqual({ accessKeyId: "id", secretAccessKey: "secret", sessionToken: "token" });
    expect(read({ profile: "work" }, env).keys).toBeUndefined();
    expect(read({ profile: "work" }, { ...env, AWS_PROFILE: "work" }).keys).toBeUndefined();
    for (const name of ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
      expect(read({}, { ...env, [name]: "work" })).toMatchObject({ profile: "work", keys: { accessKeyId: "id" } });
    expect(read({}, { AWS_PROFILE: "a", AWS_DEFAULT_PROFILE: "b" }).profile).toBe("b");
  });
});

it("AWS files: profiles, nested blocks, comments", () => {
  const text = "# c\n[default]\nregion = eu\n[profile a]\ns3 =\n  addressing_style = path\nx = 1 ; c\n[services s]\n";
  expect(Object.fromEntries(parseAwsFile(text))).toEqual({
    default: { region: "eu" },
    a: { s3: "", "s3.addressing_style": "path", x: "1" },
    "services s": {},
  });
});
