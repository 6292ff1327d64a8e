// A real S3 server on loopback for the S3 cases: versitygw, found where `make test` puts it or on the path.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const KEYS = { AWS_ACCESS_KEY_ID: "benchkey", AWS_SECRET_ACCESS_KEY: "benchsecret123" };

function findServer() {
  const folders = [
    join(root, ".cache", "servers"),
    join(root, ".cache", "bin"),
    join(homedir(), "go", "bin"),
    ...(process.env.PATH ?? "").split(delimiter),
  ];
  return [process.env.VERSITYGW, ...folders.map((folder) => join(folder, "versitygw"))].find(
    (path) => path !== undefined && existsSync(path),
  );
}

/** Starts the server over a new folder `dir` with one bucket. @returns undefined when there is none on this machine. */
export async function startS3(dir) {
  const program = findServer();
  if (program === undefined) return undefined;
  const [data, versions, sidecar] = ["data", "versions", "sidecar"].map((name) => join(dir, name));
  for (const folder of [join(data, "bench"), versions, sidecar]) mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const child = spawn(
    program,
    // As real S3 does; without the flag versitygw closes each connection after one answer, which costs both tools the same.
    ["--keep-alive", "--port", `127.0.0.1:${port}`, "--region", "us-east-1", "posix", "--sidecar", sidecar, data],
    {
      env: {
        PATH: process.env.PATH,
        ROOT_ACCESS_KEY_ID: KEYS.AWS_ACCESS_KEY_ID,
        ROOT_SECRET_ACCESS_KEY: KEYS.AWS_SECRET_ACCESS_KEY,
      },
      stdio: "ignore",
    },
  );
  const endpoint = `http://127.0.0.1:${port}`;
  await untilUp(endpoint, child);
  return { endpoint, bucket: "bench", region: "us-east-1", close: () => child.kill() };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function untilUp(endpoint, child) {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`the S3 server ended with ${child.exitCode}`);
    try {
      await fetch(endpoint);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("the S3 server did not answer within 10 seconds");
}
