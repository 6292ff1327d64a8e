import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openStorage, type OpenedStorage } from "../../packages/core/src/fs/open.ts";
import { startApache } from "./apache.ts";
import { startAzureServer } from "./azureServer.ts";
import { startGsServer } from "./gsServer.ts";
import { startNginx } from "./nginx.ts";
import { startS3Server } from "./s3Server.ts";
import { startSshServer } from "./sshServer.ts";

/** A storage on a real server, as a person sets it up as a remote and as somebody else changes what lies there. */
export interface StoragePlace {
  readonly url: string;
  /** Options of the remote. */
  readonly options: Readonly<Record<string, string>>;
  /** What a program needs of the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Writes a file below the URL. */
  put(name: string, contents: string | Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
  /** Every file below a folder of the URL by its path from there, with what it holds. */
  files(folder: string): Promise<Map<string, Uint8Array>>;
  stop(): Promise<void>;
}

/** Starts each kind that DVC has a plug-in for and that a server here speaks. */
export const STORAGE_PLACES: Readonly<Record<string, () => Promise<StoragePlace>>> = {
  s3: () => s3Place(false),
  gs: () => gsPlace(false),
  azure: azurePlace,
  ssh: sshPlace,
  http: httpPlace,
  webdav: webdavPlace,
};

/** The kinds whose buckets keep versions. */
export const VERSIONED_PLACES: Readonly<Record<string, () => Promise<StoragePlace>>> = {
  s3: () => s3Place(true),
  gs: () => gsPlace(true),
};

async function s3Place(versions: boolean): Promise<StoragePlace> {
  // DVC removes an object before it writes it anew.
  const server = await startS3Server({ attributes: versions });
  server.makeBucket("bucket");
  if (versions) await server.keepVersions("bucket");
  const options = {
    endpointurl: server.endpoint,
    access_key_id: server.accessKeyId,
    secret_access_key: server.secretAccessKey,
    region: "us-east-1",
  };
  const url = "s3://bucket/base";
  return { url, options, env: {}, ...(await through(url, options)), stop: () => server.stop() };
}

async function gsPlace(versions: boolean): Promise<StoragePlace> {
  const server = await startGsServer({ versions });
  await server.makeBucket("bucket");
  const options = { endpointurl: server.endpoint, allow_anonymous_login: "true" };
  const url = "gs://bucket/base";
  // DVC's client would ask Google's other interface first, which no server here has.
  const env = { GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT: "false" };
  return { url, options, env, ...(await through(url, options)), stop: () => server.stop() };
}

async function azurePlace(): Promise<StoragePlace> {
  const server = await startAzureServer();
  await server.makeContainer("box");
  const options = { connection_string: server.connection() };
  const url = "azure://box/base";
  return { url, options, env: {}, ...(await through(url, options)), stop: () => server.stop() };
}

async function sshPlace(): Promise<StoragePlace> {
  const server = await startSshServer();
  return {
    url: `ssh://127.0.0.1:${String(server.port)}${server.folder}`,
    options: { keyfile: join(server.home, ".ssh", "id_ed25519") },
    env: { HOME: server.home },
    ...inFolder(server.folder),
    stop: () => server.stop(),
  };
}

async function httpPlace(): Promise<StoragePlace> {
  const server = await startNginx();
  return {
    url: `http://127.0.0.1:${String(server.port)}/up`,
    options: { method: "PUT" },
    env: {},
    ...inFolder(join(server.folder, "up")),
    stop: () => server.stop(),
  };
}

async function webdavPlace(): Promise<StoragePlace> {
  const server = await startApache();
  return {
    url: `webdav://127.0.0.1:${String(server.port)}`,
    options: {},
    env: {},
    ...inFolder(server.folder),
    stop: () => server.stop(),
  };
}

type Contents = Pick<StoragePlace, "put" | "remove" | "files">;

async function through(url: string, values: Readonly<Record<string, string>>): Promise<Contents> {
  const open = (): Promise<OpenedStorage> =>
    openStorage(url, { values: { ...values, url }, env: {}, home: "/nonexistent" });
  const { fs, root } = await open();
  return {
    put: async (name, contents) => {
      await fs.write(`${root}/${name}`, { bytes: Buffer.from(contents as string) });
    },
    remove: (name) => fs.remove(`${root}/${name}`),
    files: async (folder) => {
      const found = new Map<string, Uint8Array>();
      for await (const { path } of fs.list(`${root}/${folder}`))
        found.set(path.slice(`${root}/${folder}/`.length), await fs.readBytes(path));
      return found;
    },
  };
}

function inFolder(root: string): Contents {
  // Of a file that is not a second old Apache says another ETag than later; each file is newer than the one before.
  let seconds = Date.now() / 1000 - 1_000_000;
  return {
    put: (name, contents) => {
      const path = join(root, name);
      mkdirSync(dirname(path), { recursive: true });
      // A server that runs as root serves as another user.
      for (let folder = dirname(path); folder !== root; folder = dirname(folder)) chmodSync(folder, 0o777);
      writeFileSync(path, contents);
      seconds += 10;
      utimesSync(path, seconds, seconds);
      return Promise.resolve();
    },
    remove: (name) => {
      rmSync(join(root, name), { recursive: true });
      return Promise.resolve();
    },
    files: (folder) => {
      const found = new Map<string, Uint8Array>();
      for (const one of readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
        if (one.isFile()) {
          const path = join(one.parentPath, one.name);
          found.set(path.slice(join(root, folder).length + 1), readFileSync(path));
        }
      return Promise.resolve(found);
    },
  };
}
