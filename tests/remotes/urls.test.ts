import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkout } from "../../packages/core/src/api/checkout.ts";
import { gc } from "../../packages/core/src/api/gc.ts";
import { getUrl } from "../../packages/core/src/api/getUrl.ts";
import { unfreeze } from "../../packages/core/src/api/freeze.ts";
import { importUrl } from "../../packages/core/src/api/importUrl.ts";
import type { Reporter } from "../../packages/core/src/base/events.ts";
import { dataStatus } from "../../packages/core/src/api/dataStatus.ts";
import { listUrl, listUrlTree } from "../../packages/core/src/api/listUrl.ts";
import { pull } from "../../packages/core/src/api/pull.ts";
import { status } from "../../packages/core/src/api/status.ts";
import { update } from "../../packages/core/src/api/update.ts";
import { openUrl } from "../../packages/core/src/api/urlSource.ts";
import { makeProject, type ProjectFixture } from "../support/project.ts";
import { type S3Server, startS3Server } from "../support/s3Server.ts";

let server: S3Server;
let project: ProjectFixture;
let fsConfig: Record<string, string>;

const write = async (key: string, text: string): Promise<void> => {
  const { fs } = await openUrl(project.environment(), "s3://urls", { fsConfig });
  await fs.write(`urls/${key}`, { bytes: Buffer.from(text) });
  await fs.close();
};
function listening(): { readonly reporter: Reporter; readonly warnings: string[] } {
  const warnings: string[] = [];
  const emit: Reporter["emit"] = (event) => {
    if (event.type === "message" && event.level === "warning") warnings.push(event.text);
  };
  return { reporter: { emit }, warnings };
}
const read = (name: string): string => readFileSync(join(project.root, name), "utf8");

beforeAll(async () => {
  server = await startS3Server();
  server.makeBucket("urls");
  project = makeProject();
  fsConfig = {
    endpointurl: server.endpoint,
    access_key_id: server.accessKeyId,
    secret_access_key: server.secretAccessKey,
    region: "us-east-1",
  };
  await write("dir/a", "a1\n");
  await write("dir/sub/b", "b1\n");
}, 60_000);

afterAll(async () => {
  await server.stop();
  project.remove();
});

describe("data at s3:// URLs", () => {
  it("lists, level by level and all of it", async () => {
    const env = project.environment();
    expect(await listUrl(env, "s3://urls/dir", { fsConfig })).toEqual([
      { path: "a", isdir: false, size: 3 },
      { path: "sub", isdir: true, size: null },
    ]);
    const all = await listUrl(env, "s3://urls/dir", { fsConfig, recursive: true });
    expect(all.map(({ path }) => path)).toEqual(["a", "sub/b"]);
    await expect(listUrl(env, "s3://urls/nope", { fsConfig })).rejects.toThrow(
      "The path 's3://urls/nope' does not exist",
    );
  });

  it("names the root of a tree, and what is not there, as the storage does", async () => {
    const env = project.environment();
    const rootOf = async (url: string): Promise<string[]> => Object.keys(await listUrlTree(env, url, { fsConfig }));
    expect(await rootOf("s3://urls/dir")).toEqual(["urls/dir"]);
    expect(await rootOf("s3://urls/dir/")).toEqual(["urls/dir/"]);
    const options = Object.entries(fsConfig).map(([name, value]) => `    ${name} = ${value}\n`);
    project.put(".dvc/config.local", `['remote "own"']\n    url = s3://urls/dir\n${options.join("")}`);
    expect(await rootOf("remote://own")).toEqual(["urls/dir/"]);
    expect(await rootOf("remote://own/sub")).toEqual(["urls/dir/sub"]);
    project.put("here/x", "x");
    expect(await rootOf("./here")).toEqual(["./here"]);
    await expect(listUrl(env, "s3://urls/nope", { fsConfig })).rejects.toMatchObject({
      cause: { message: "urls/nope" },
    });
  });

  it("warns of an empty source as often as DVC does", async () => {
    await write("empty", "");
    const { reporter, warnings } = listening();
    await importUrl(project.open(), "s3://urls/empty", { out: "empty", fsConfig, reporter });
    expect(warnings).toEqual(["'s3://urls/empty' is empty.", "'s3://urls/empty' is empty.", "'empty' is empty."]);
    warnings.length = 0;
    await importUrl(project.open(), "s3://urls/empty", { out: "noted-empty", fsConfig, reporter, noDownload: true });
    expect(warnings).toEqual(["'s3://urls/empty' is empty.", "'s3://urls/empty' is empty."]);
  });

  it("has nothing to compare with a remote where imports were only noted", async () => {
    const { reporter, warnings } = listening();
    await importUrl(project.open(), "s3://urls/dir", { out: "only-noted", fsConfig, noDownload: true });
    await status(project.open(), ["only-noted.dvc"], { cloud: true, remote: "own", reporter });
    expect(warnings).toEqual([]);
    const { not_in_remote } = await dataStatus(project.open(), ["only-noted"], { notInRemote: true, remote: "own" });
    expect(not_in_remote).toEqual([]);
  });

  it("downloads a file and a folder", async () => {
    const env = project.environment();
    await getUrl(env, "s3://urls/dir/a", "one", { fsConfig });
    await getUrl(env, "s3://urls/dir", "all", { fsConfig });
    expect([read("one"), read("all/a"), read("all/sub/b")]).toEqual(["a1\n", "a1\n", "b1\n"]);
  });

  it("imports a file by its etag and a folder by the list of etags, and updates when they change", async () => {
    await importUrl(project.open(), "s3://urls/dir/a", { out: "a", fsConfig });
    await importUrl(project.open(), "s3://urls/dir", { out: "data", fsConfig });
    expect(read("a.dvc")).toMatch(
      /deps:\n- etag: "?[0-9a-f]{32}"?\n {2}size: 3\n {2}hash: md5\n {2}path: s3:\/\/urls\/dir\/a\n/,
    );
    expect(read("data.dvc")).toMatch(/deps:\n- md5: [0-9a-f]{32}\.dir\n {2}size: 6\n {2}nfiles: 2\n {2}hash: md5\n/);
    const targets = ["a.dvc", "data.dvc"];
    expect((await update(project.open(), targets)).unchanged).toEqual(targets);
    await write("dir/a", "a22\n");
    expect((await update(project.open(), targets)).updated).toEqual(targets);
    expect([read("a"), read("data/a")]).toEqual(["a22\n", "a22\n"]);
  });

  it("refuses what it cannot import before anything is told or written", async () => {
    const unknown = importUrl(project.open(), "nope://x/y");
    await expect(unknown).rejects.toThrow("config file error: Unsupported URL type nope://");
    const outside = importUrl(project.open(), "s3://urls/dir/a", { out: "../outside", fsConfig });
    await expect(outside).rejects.toThrow(`outside of DVC project: ${join(dirname(project.root), "outside")}. See`);
  });

  it("brings what was only noted, a file and a folder, also through a remote of the config", async () => {
    await write("noted/a", "a\n");
    await write("noted/sub/b", "b\n");
    const options = Object.entries(fsConfig).map(([name, value]) => `    ${name} = ${value}\n`);
    project.put(".dvc/config.local", `['remote "own"']\n    url = s3://urls\n${options.join("")}`);
    const noDownload = true;
    await importUrl(project.open(), "s3://urls/noted/a", { out: "noted-file", fsConfig, noDownload });
    await importUrl(project.open(), "s3://urls/noted", { out: "noted", fsConfig, noDownload });
    await importUrl(project.open(), "remote://own/noted", { out: "noted-too", noDownload });
    await pull(project.open(), ["noted-file", "noted", "noted-too"]);
    expect([read("noted-file"), read("noted/a"), read("noted/sub/b"), read("noted-too/sub/b")]).toEqual([
      "a\n",
      "a\n",
      "b\n",
      "b\n",
    ]);
  });

  it("does not take what a file holds now for what was noted of it; of a folder it says so", async () => {
    await write("moved/a", "a\n");
    const noDownload = true;
    await importUrl(project.open(), "s3://urls/moved/a", { out: "moved-file", fsConfig, noDownload });
    await importUrl(project.open(), "s3://urls/moved", { out: "moved", fsConfig, noDownload });
    await expect(checkout(project.open(), ["moved-file.dvc"])).rejects.toThrow("moved-file");
    await write("moved/a", "other\n");
    const { reporter, warnings } = listening();
    await expect(pull(project.open(), ["moved-file"], { reporter })).rejects.toThrow("moved-file");
    expect(existsSync(join(project.root, "moved-file"))).toBe(false);
    await pull(project.open(), ["moved"], { reporter });
    expect(read("moved/a")).toBe("other\n");
    const told = (name: string): unknown => expect.stringContaining(`The source of '${name}' holds other data now`);
    expect(warnings).toEqual([told("moved-file"), told("moved")]);
    await update(project.open(), ["moved-file.dvc"]);
    expect(read("moved-file")).toBe("other\n");
  });

  it("keeps what was brought of an import that was only noted: it is not fetched again, and gc spares it", async () => {
    await write("once/a", "once a\n");
    await write("once/b", "once b\n");
    const noDownload = true;
    const outs = ["once", "once-file"];
    await importUrl(project.open(), "s3://urls/once", { out: "once", fsConfig, noDownload });
    await importUrl(project.open(), "s3://urls/once/a", { out: "once-file", fsConfig, noDownload });
    const lacking = async (): Promise<readonly string[]> => (await dataStatus(project.open(), outs)).not_in_cache;
    expect(await lacking()).toEqual(["once/", "once-file"]);
    expect((await pull(project.open(), outs)).fetched).toBe(3);
    expect(await lacking()).toEqual([]);
    expect((await pull(project.open(), outs)).fetched).toBe(0);
    await gc(project.open(), { workspace: true, force: true });
    for (const name of outs) rmSync(join(project.root, name), { recursive: true });
    await checkout(project.open(), outs);
    expect([read("once/b"), read("once-file")]).toEqual(["once b\n", "once a\n"]);
    await write("once/b", "twice b\n");
    await update(project.open(), ["once.dvc"], { noDownload });
    expect(await lacking()).toEqual(["once/"]);
  });

  it("looks at the source of an import that is not frozen", async () => {
    await write("own/f", "one\n");
    await importUrl(project.open(), "s3://urls/own/f", { out: "f", fsConfig });
    await unfreeze(project.open(), "f.dvc");
    const changes = async (): Promise<unknown> => {
      const found = await status(project.open(), ["f.dvc"]);
      return found.kind === "workspace" ? found.status["f.dvc"] : found;
    };
    expect(await changes()).toBeUndefined();
    await write("own/f", "other\n");
    expect(await changes()).toEqual([{ "changed deps": { "s3://urls/own/f": "modified" } }]);
  });
});
