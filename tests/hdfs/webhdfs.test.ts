import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { testRemote } from "../../packages/core/src/api/remoteTest.ts";
import { describeFileSystem } from "../../packages/core/src/fs/fs.contract.ts";
import type { RangeNotes } from "../../packages/core/src/fs/filesystem.ts";
import { openStorage, type OpenedStorage } from "../../packages/core/src/fs/open.ts";
import { type HdfsServer, startHdfs } from "../support/hdfsServer.ts";
import { makeProject } from "../support/project.ts";

// A file costs HDFS some 50 ms.
vi.setConfig({ testTimeout: 300_000 });

let server: HdfsServer;
beforeAll(async () => {
  server = await startHdfs();
}, 120_000);
afterAll(async () => {
  await server.stop();
});

const USER = userInfo().username;

const open = (path: string, values: Record<string, string> = { user: USER }): Promise<OpenedStorage> =>
  openStorage(`webhdfs://127.0.0.1:${String(server.port)}${path}`, { values, env: {}, home: "/nonexistent" });

describeFileSystem("WebHDFS", async () => {
  const own = await startHdfs();
  const { fs, root } = await openStorage(`webhdfs://${USER}@127.0.0.1:${String(own.port)}/some/folder`, {
    values: {},
    env: {},
    home: "/nonexistent",
  });
  return { fs, folder: root, stop: () => own.stop() };
});

describe("WebHDFS", () => {
  it("says who may not write, and leaves nothing there", async () => {
    const { fs, root } = await open("/denied", { user: "stranger" });
    await expect(fs.write(`${root}/x`, { bytes: Buffer.from("x") })).rejects.toMatchObject({ code: "auth" });
    expect(await (await open("/")).fs.stat("/denied")).toBeUndefined();
  });

  it("replaces what is there in one step and leaves no file beside it", async () => {
    const { fs } = await open("/");
    for (const text of ["first", "second"]) await fs.write("/replaced/one", { bytes: Buffer.from(text) });
    expect((await fs.readBytes("/replaced/one")).toString()).toBe("second");
    const names: string[] = [];
    for await (const { path } of fs.children("/replaced")) names.push(path);
    expect(names).toEqual(["/replaced/one"]);
  });

  it("tells HDFS's own checksum, which is another for other bytes", async () => {
    const { fs } = await open("/");
    const sums: (string | undefined)[] = [];
    for (const text of ["a", "b", "a"]) {
      await fs.write("/sums/one", { bytes: Buffer.from(text) });
      const info = await fs.stat("/sums/one");
      sums.push(info && (await fs.checksum?.(info)));
    }
    expect(sums[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(sums[1]).not.toBe(sums[0]);
    expect(sums[2]).toBe(sums[0]);
  });

  it("gives the rest of a file whose beginning is there", async () => {
    const { fs } = await open("/");
    const range = 4 << 20;
    const bytes = Buffer.alloc(9 << 20, "bytes of an odd period, ");
    await fs.write("/rest/file", { bytes });
    const info = await fs.stat("/rest/file");
    const home = mkdtempSync(join(tmpdir(), "hf-rest-"));
    const to = join(home, "file");
    const begun = Buffer.alloc(range, "as it was left");
    const left = { etag: `${String(info?.mtimeMs)}-${String(bytes.length)}`, size: bytes.length, range };
    const notes: RangeNotes = {
      left: () => left,
      takeOver: () => {
        writeFileSync(to, begun);
        return [0];
      },
      begin: () => undefined,
      done: () => undefined,
      forget: () => undefined,
    };
    await fs.download("/rest/file", to, { notes });
    expect(readFileSync(to).equals(Buffer.concat([begun, bytes.subarray(range)]))).toBe(true);
    rmSync(home, { recursive: true });
  });

  it("passes every step of `remote test`", async () => {
    const project = makeProject();
    project.put(
      ".dvc/config",
      `['remote "h"']\n    url = webhdfs://127.0.0.1:${String(server.port)}/store\n    user = ${USER}\n`,
    );
    const result = await testRemote(project.open(), "h", { size: 1 << 20 });
    project.remove();
    expect(result).toMatchObject({ ok: true, can: { pull: "yes", push: "yes", gc: "yes" }, left: [] });
  });

  it("refuses what it can't do, and says what to do instead", async () => {
    await expect(open("/", { kerberos: "true" })).rejects.toThrow("Kerberos");
    await expect(open("/", { token: "t", user: "u" })).rejects.toThrow("token");
    await expect(open("/", { password: "p" })).rejects.toThrow("'password' needs 'user'");
  });
});
