import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "./ports.ts";

/** Real HDFS with WebHDFS on a loopback port. */
export interface HdfsServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts the mini cluster that `scripts/servers/hdfs.mjs` has made ready. */
export async function startHdfs(): Promise<HdfsServer> {
  const home = resolve(".cache/hdfs");
  const folder = mkdtempSync(join(tmpdir(), "hf-hdfs-"));
  const port = await freePort();
  const child = spawn("java", ["-cp", `${join(home, "lib", "*")}:${home}`, "MiniHdfs", folder, String(port)], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const gone = new Promise<void>((done) =>
    child.once("close", () => {
      done();
    }),
  );
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  await new Promise<void>((done, failed) => {
    child.stdout.on("data", (chunk: Buffer) => {
      if (chunk.toString().includes("READY")) done();
    });
    child.once("error", failed);
    child.once("exit", () => {
      failed(new Error(`HDFS did not start: ${said}`));
    });
  });
  return {
    port,
    stop: async () => {
      child.stdin.end();
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
