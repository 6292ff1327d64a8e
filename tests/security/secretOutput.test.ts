import { afterEach, beforeEach, expect, it } from "vitest";
import { existsSync, readFileSync } from "node:fs";
import { filesUnder } from "../support/killing.ts";
import { type Ran, Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
  rig.write("data", "some data");
  rig.ok("add", "-q", "data");
});
afterEach(() => {
  rig.close();
});

const SECRET = "HUNTER2HUNTER2";

/** Nowhere in what was said, nor in what the project keeps for itself. */
function expectUntold(ran: Ran, words: readonly string[]): void {
  expect([words, ran.out + ran.err]).toEqual([words, expect.not.stringContaining(SECRET)]);
  for (const file of filesUnder(rig.path(".dvc/tmp")).filter((path) => existsSync(path)))
    expect([words, file, readFileSync(file, "latin1")]).toEqual([words, file, expect.not.stringContaining(SECRET)]);
}

// Nobody listens at port 9.
it.each([
  ["http", `http://me:${SECRET}@127.0.0.1:9/x`, []],
  ["a token as the name", `http://${SECRET}@127.0.0.1:9/x`, []],
  ["a signed URL", `http://127.0.0.1:9/x?sig=${SECRET}&X-Amz-Signature=${SECRET}`, []],
  [
    "webdav",
    "webdav://127.0.0.1:9/x",
    [
      ["user", "me"],
      ["password", SECRET],
    ],
  ],
  ["a token", "webdav://127.0.0.1:9/x", [["token", SECRET]]],
  [
    "s3",
    "s3://bucket/x",
    [
      ["endpointurl", `http://u:${SECRET}@127.0.0.1:9`],
      ["access_key_id", "a"],
      ["secret_access_key", SECRET],
      ["session_token", SECRET],
    ],
  ],
  ["ssh", `ssh://me:${SECRET}@127.0.0.1:9/x`, [["passphrase", SECRET]]],
  [
    "azure, by key",
    "azure://c/x",
    [
      [
        "connection_string",
        `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=${SECRET}==;BlobEndpoint=http://127.0.0.1:9/a;`,
      ],
    ],
  ],
  [
    "azure, by SAS",
    "azure://c/x",
    [["connection_string", `BlobEndpoint=http://127.0.0.1:9/a;SharedAccessSignature=sv=2020&sig=${SECRET}`]],
  ],
  [
    "oss",
    "oss://b/x",
    [
      ["oss_endpoint", "http://127.0.0.1:9"],
      ["oss_key_id", "a"],
      ["oss_key_secret", SECRET],
    ],
  ],
  [
    "webhdfs",
    "webhdfs://127.0.0.1:9/x",
    [
      ["token", SECRET],
      ["user", "me"],
    ],
  ],
] as const)("%s: a failing remote tells no secret", (_name, url, options) => {
  const make = ["remote", "add", "-d", "r", url];
  expectUntold(rig.run(make), make);
  for (const [option, value] of options) {
    const words = ["remote", "modify", "--local", "r", option, value];
    expect(rig.run(words).code).toBe(0);
  }
  for (const words of [
    ["push", "-v"],
    ["config", "-l"],
  ])
    expectUntold(rig.run(words), words);
});

it("what is imported from a URL that logs in is named without it", () => {
  const url = `http://me:${SECRET}@127.0.0.1:9/x?token=${SECRET}`;
  rig.write("x.dvc", `deps:\n- path: ${url}\n  etag: '1'\nouts:\n- path: x\n`);
  rig.write(
    "y.dvc",
    `frozen: true\ndeps:\n- path: y\n  repo:\n    url: https://${SECRET}@127.0.0.1:9/r\n    rev_lock: ${"a".repeat(40)}\nouts:\n- path: y\n`,
  );
  for (const words of [
    ["status", "x.dvc"],
    ["dag"],
    ["update", "x.dvc"],
    ["pull", "x.dvc", "-v"],
    ["import-url", "--no-exec", url, "z"],
    ["get-url", url, "w"],
    ["import", `https://${SECRET}@127.0.0.1:9/r`, "q"],
    ["list", `https://me:${SECRET}@127.0.0.1:9/r`],
  ]) {
    const { out, err } = rig.run(words);
    expect([words[0], out + err]).toEqual([words[0], expect.not.stringContaining(SECRET)]);
  }
});

it("ids of keys are no secrets, as in DVC", () => {
  rig.ok("remote", "add", "-q", "r", "s3://b");
  rig.ok("remote", "modify", "r", "access_key_id", "AKIAEXAMPLE");
  expect(rig.ok("config", "-l")).toContain("remote.r.access_key_id=AKIAEXAMPLE");
});
