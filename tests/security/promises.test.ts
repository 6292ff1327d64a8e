import { chmodSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startJsonServer } from "../support/jsonServer.ts";
import { filesUnder, md5Of } from "../support/killing.ts";
import { BINARY, Rig } from "../support/rig.ts";
import { onTerminal } from "../support/terminal.ts";
import { CERT_FILE, tlsOptions } from "../support/tlsFiles.ts";

/** Sentences of SECURITY.md that no other test holds. */
let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
  rig.write("data/a", "one");
  rig.ok("add", "-q", "data");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "data");
});
afterEach(() => {
  rig.close();
});

it("nothing is run that the Git config of a source names", () => {
  const source = new Rig().project();
  source.write("code.txt", "code");
  source.write(".gitattributes", "* filter=evil diff=evil\n");
  source.write("data/a", "one");
  source.ok("add", "-q", "data");
  source.git("add", ".");
  source.git("commit", "-q", "-m", "data");
  const evil = source.path("../evil");
  source.write("../evil", `#!/bin/sh\ntouch '${source.path("../pwned")}'\n`);
  chmodSync(evil, 0o755);
  for (const name of ["post-checkout", "pre-push", "post-merge", "reference-transaction", "fsmonitor-watchman"]) {
    source.write(`.git/hooks/${name}`, readFileSync(evil));
    chmodSync(source.path(`.git/hooks/${name}`), 0o755);
  }
  for (const name of [
    "core.fsmonitor",
    "core.sshCommand",
    "core.alternateRefsCommand",
    "filter.evil.smudge",
    "filter.evil.clean",
    "filter.evil.process",
    "diff.evil.textconv",
    "uploadpack.packObjectsHook",
    "credential.helper",
    "core.pager",
    "core.askPass",
  ])
    source.git("config", name, evil);
  for (const url of [source.dir, `file://${source.dir}`])
    for (const words of [
      ["list", url],
      ["get", "-f", url, "code.txt"],
      ["import", "-f", url, "code.txt", "-o", "imported"],
      ["update", "imported.dvc"],
    ])
      expect([words, rig.run(words).code]).toEqual([words, 0]);
  expect(rig.run(["get", source.dir, "data", "-o", "got"]).code).toBe(0);
  expect(existsSync(source.path("../pwned"))).toBe(false);
  source.close();
});

it("a redirect from https to http is not followed, and gets nothing that logs in", async () => {
  const plain = await startJsonServer(() => ({ json: {} }));
  const secure = createServer(tlsOptions(), (_request, answer) => {
    answer.writeHead(302, { location: `${plain.url}/there` }).end();
  });
  await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
  const { port } = secure.address() as AddressInfo;
  rig.ok("remote", "add", "-q", "-d", "r", `https://127.0.0.1:${String(port)}/x`);
  for (const [option, value] of [
    ["ssl_verify", CERT_FILE],
    ["auth", "basic"],
    ["user", "me"],
    ["password", "HUNTER2"],
  ] as const)
    rig.ok("remote", "modify", "--local", "r", option, value);
  const { code, err } = await rig.runBeside(["push"]);
  secure.close();
  secure.closeAllConnections();
  await plain.stop();
  expect([code, err]).toEqual([1, expect.stringContaining("which is not followed")]);
  expect(plain.asked).toEqual([]);
});

it("who can answer is asked once whether the project is trusted; a no refuses, a yes is kept", async () => {
  rig.write("../keys", "[default]\naws_access_key_id = a\naws_secret_access_key = b\n");
  // Nobody listens there: whoever gets so far has read the file.
  const remote = `url = s3://bucket\n    endpointurl = http://127.0.0.1:9\n    credentialpath = ${rig.path("../keys")}\n`;
  rig.write(".dvc/config", `[core]\n    remote = s\n['remote "s"']\n    ${remote}`);
  rig.git("commit", "-q", "-a", "-m", "theirs");
  const words = [
    "env",
    ...Object.entries(rig.env).map(([name, value]) => `${name}=${value}`),
    process.execPath,
    BINARY,
  ];
  const ask = async (typed: string): Promise<{ readonly questions: number; readonly screen: string }> => {
    const { screen } = await onTerminal([...words, "push"], { cwd: rig.dir, question: "[y/n]", typed });
    return { questions: screen.split("[y/n]").length - 1, screen };
  };
  expect(await ask("n\n")).toMatchObject({ questions: 1, screen: expect.stringContaining("holdfast trust") as string });
  expect(await ask("y\n")).toMatchObject({ questions: 1, screen: expect.stringContaining("127.0.0.1:9") as string });
  expect(await ask("n\n")).toMatchObject({ questions: 0, screen: expect.stringContaining("127.0.0.1:9") as string });
});

it("commands that look write nothing but their own state", () => {
  rig.write("dvc.yaml", "stages: {s: {cmd: cp data/a out, deps: [data], outs: [out]}}\nmetrics: [m.json]\n");
  rig.write("m.json", '{"a": 1}');
  rig.write("data/b", "two");
  const state = (): unknown =>
    filesUnder(dirname(rig.dir))
      .filter((path) => !path.includes("/.dvc/tmp/") && !path.includes("/config/site/"))
      .map((path) => [path, md5Of(path)]);
  const before = state();
  for (const words of [
    ["status"],
    ["data", "status"],
    ["diff"],
    ["dag"],
    ["list", "."],
    ["du", "."],
    ["metrics", "show"],
    ["metrics", "diff"],
    ["params", "diff"],
    ["plots", "show", "--json"],
    ["stage", "list"],
    ["repro", "--dry"],
    ["repro", "--explain", "--dry"],
    ["snapshot", "list"],
    ["snapshot", "show", "HEAD"],
    ["snapshot", "verify", "HEAD"],
    ["snapshot", "save", "--dry-run", "-m", "x"],
    ["fsck"],
    ["gc", "-w", "--preview"],
    ["gc", "-w", "--dry", "-f"],
    ["check-ignore", "data"],
    ["config", "-l"],
    ["remote", "list"],
    ["undo", "--list"],
    ["version"],
  ]) {
    const { err } = rig.run(words);
    expect([words, err]).toEqual([words, expect.not.stringContaining("unexpected error")]);
    expect([words, state()]).toEqual([words, before]);
  }
  expect(readdirSync(rig.dir).includes("out")).toBe(false);
});
