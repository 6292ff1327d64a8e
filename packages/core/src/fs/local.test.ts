import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { describeFileSystem } from "./fs.contract.ts";
import { LocalFileSystem } from "./local.ts";
import { MemoryFileSystem } from "./memory.ts";
import { openStorage, protocolOf } from "./open.ts";

describeFileSystem("folder", () => {
  const folder = mkdtempSync(join(tmpdir(), "hf-local-"));
  const stop = (): Promise<void> => {
    rmSync(folder, { recursive: true, force: true });
    return Promise.resolve();
  };
  return Promise.resolve({ fs: new LocalFileSystem(), folder, stop });
});

describeFileSystem("memory", () => Promise.resolve({ fs: new MemoryFileSystem(), folder: "bucket/folder" }));

it("leaves no temporary file when a write fails", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hf-local-"));
  try {
    mkdirSync(join(folder, "taken"));
    const write = new LocalFileSystem().write(join(folder, "taken"), { bytes: Buffer.from("x") });
    await expect(write).rejects.toMatchObject({ code: "storage", protocol: "local" });
    expect(readdirSync(folder)).toEqual(["taken"]);
  } finally {
    chmodSync(folder, 0o755);
    rmSync(folder, { recursive: true });
  }
});

it("tells protocols from paths", async () => {
  const kinds = ["/a/b", "file:///a", "s3://b/k", "C:\\data", "S3://b"].map(protocolOf);
  expect(kinds).toEqual(["local", "local", "s3", "local", "s3"]);
  const options = { values: {}, env: {}, home: "/home/nobody" };
  expect((await openStorage("file:///a%20b", options)).root).toBe("/a b");
  await expect(openStorage("nope://x", options)).rejects.toMatchObject({ code: "unsupported" });
  await expect(openStorage("s3://", options)).rejects.toMatchObject({ code: "config" });
});
