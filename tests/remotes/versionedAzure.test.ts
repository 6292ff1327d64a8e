/** Remotes with `version_aware` and `worktree` on Azure; the emulator keeps no versions, so a proxy before it does. */
import { rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type AzureServer, startAzureServer } from "../support/azureServer.ts";
import { type AzureVersions, startAzureVersions } from "../support/azureVersions.ts";
import { Rig } from "../support/rig.ts";

let server: AzureServer;
let versions: AzureVersions;
let rig: Rig;
let container = "";
let count = 0;

beforeAll(async () => {
  server = await startAzureServer();
  versions = await startAzureVersions(server);
});

afterAll(async () => {
  await versions.stop();
  await server.stop();
});

beforeEach(async () => {
  container = `versioned-${String(++count)}`;
  await server.makeContainer(container);
  rig = new Rig().project();
});

afterEach(() => {
  rig.close();
});

function remote(kind: "version_aware" | "worktree", endpoint?: string): void {
  rig.ok("remote", "add", "-q", "-d", "v", `azure://${container}/pre`);
  rig.ok("remote", "modify", "--local", "v", "connection_string", server.connection(endpoint));
  rig.ok("remote", "modify", "v", kind, "true");
  rig.write("d/a", "1\n");
  rig.write("d/s/b c", "2\n");
  rig.write("f", "f\n");
  rig.ok("add", "-q", "d", "f");
}

/** The proxy is in this process: nobody may wait for the program in it. */
async function ok(...words: string[]): Promise<string> {
  const { code, out, err } = await rig.runBeside(words);
  if (code !== 0) throw new Error(`${words.join(" ")}: ${err}`);
  return out;
}

const idsIn = (name: string): string[] =>
  [...(rig.read(name) ?? "").matchAll(/version_id: '?([^'\n]+)'?/g)].map(([, id]) => id ?? "");

function forget(): void {
  for (const name of ["d", "f", ".dvc/cache"]) rmSync(rig.path(name), { recursive: true, force: true });
}

it("records versions as DVC does, and gives back every one", async () => {
  remote("version_aware", versions.endpoint);
  expect(await ok("push")).toBe("3 files pushed\n");
  const [first] = idsIn("f.dvc");
  expect(rig.read("f.dvc")).toMatch(
    /^outs:\n- md5: 9a8ad92c50cae39aa2c5604fd0ab6d8c\n {2}size: 2\n {2}hash: md5\n {2}path: f\n {2}cloud:\n {4}v:\n {6}etag: '"0x[0-9A-F]+"'\n {6}version_id: '?2026-[^'\n]+Z'?\n$/,
  );
  expect(idsIn("d.dvc")).toEqual([
    ...versions.idsOf(`${container}/pre/d/a`),
    ...versions.idsOf(`${container}/pre/d/s/b c`),
  ]);
  expect(await ok("push")).toBe("Everything is up to date.\n");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "one");
  rig.write("f", "two\n");
  rig.ok("add", "-q", "f");
  expect(await ok("push")).toBe("1 file pushed\n");
  expect([first, ...idsIn("f.dvc")]).toEqual(versions.idsOf(`${container}/pre/f`));
  rig.git("commit", "-q", "-a", "-m", "two");
  forget();
  await ok("pull", "-q");
  expect([rig.read("f"), rig.read("d/a"), rig.read("d/s/b c")]).toEqual(["two\n", "1\n", "2\n"]);
  forget();
  rig.git("checkout", "-q", "HEAD~1");
  await ok("pull", "-q");
  expect(rig.read("f")).toBe("f\n");
  expect(await ok("get", "--show-url", rig.dir, "f")).toContain(
    `azure://${container}/pre/f?versionid=${String(first)}`,
  );
});

it("a worktree takes what others left, and old versions of what they removed", async () => {
  remote("worktree", versions.endpoint);
  await ok("push", "-q");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "mine");
  const { fs } = await server.open(`azure://${container}`, { connection_string: server.connection(versions.endpoint) });
  await fs.write(`${container}/pre/d/new`, { bytes: Buffer.from("new") });
  await fs.write(`${container}/pre/f`, { bytes: Buffer.from("theirs") });
  await fs.remove(`${container}/pre/d/a`);
  await fs.close();
  await ok("update", "-q", "d.dvc", "f.dvc");
  expect([rig.read("d/new"), rig.read("f"), rig.read("d/a")]).toEqual(["new", "theirs", undefined]);
  expect(await ok("push")).toBe("Everything is up to date.\n");
  forget();
  await ok("pull", "-q");
  expect([rig.read("d/new"), rig.read("f"), rig.read("d/s/b c")]).toEqual(["new", "theirs", "2\n"]);
  forget();
  rig.git("checkout", "-q", ".");
  await ok("pull", "-q");
  expect([rig.read("d/a"), rig.read("f")]).toEqual(["1\n", "f\n"]);
});

it("refuses an account that keeps none", async () => {
  remote("version_aware");
  const ran = await rig.runBeside(["push"]);
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("remote 'v' keeps no versions");
  expect(rig.read("f.dvc")).not.toContain("version_id");
});
