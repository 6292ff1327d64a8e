// Real servers on loopback for the remotes that are measured: those of the tests, whose TypeScript is bundled first.
import { chmodSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const support = join(root, "tests", "support");

const entry = `
export { startApache } from "./apache.ts";
export { startAzureServer } from "./azureServer.ts";
export { startGsServer } from "./gsServer.ts";
export { startSshServer } from "./sshServer.ts";
`;

/** A file knows its folder also within the bundle. */
const ownFolders = {
  name: "own-folders",
  setup: (bundler) => {
    bundler.onLoad({ filter: /tests\/support\/[^/]+\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replaceAll("import.meta.dirname", JSON.stringify(dirname(path))),
      loader: "ts",
    }));
  },
};

let bundled;

function load() {
  const outfile = join(root, "bench", "results", "servers.mjs");
  bundled ??= build({
    stdin: { contents: entry, resolveDir: support, loader: "ts" },
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    outfile,
    plugins: [ownFolders],
  })
    .then(() => import(pathToFileURL(outfile).href))
    .finally(() => rmSync(outfile, { force: true }));
  return bundled;
}

/** By name: starts a server. `url`: of a remote in a folder of its own; `options` of the remote; `env` for the tools. */
const STARTERS = {
  gs: async ({ startGsServer }) => {
    const own = await startGsServer();
    await own.makeBucket("bench");
    return {
      url: (folder) => `gs://bench/${folder}`,
      options: { endpointurl: own.endpoint, allow_anonymous_login: "true" },
      // Else gcsfs asks Google's own service about the bucket.
      env: { GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT: "false" },
      close: own.stop,
    };
  },
  azure: async ({ startAzureServer }) => {
    const own = await startAzureServer();
    await own.makeContainer("bench");
    return {
      url: (folder) => `azure://bench/${folder}`,
      options: { connection_string: own.connection() },
      close: own.stop,
    };
  },
  ssh: async ({ startSshServer }) => {
    const own = await startSshServer();
    return {
      url: (folder) => `ssh://127.0.0.1:${own.port}${own.folder}/${folder}`,
      // The key is where it is looked for.
      options: {},
      env: { HOME: own.home },
      close: own.stop,
    };
  },
  webdav: async ({ startApache }) => {
    const own = await startApache();
    return {
      url: (folder) => {
        // DVC makes no folder for the remote itself; Apache serves as another user.
        const place = join(own.folder, folder);
        mkdirSync(place, { recursive: true });
        chmodSync(place, 0o777);
        return `webdav://127.0.0.1:${own.port}/${folder}`;
      },
      options: {},
      close: own.stop,
    };
  },
};

/** @returns undefined, with a word on stderr, when the server is not on this machine */
export async function startServer(name) {
  try {
    return await STARTERS[name](await load());
  } catch (error) {
    console.error(`${name} is left out: ${error.message}`);
    return undefined;
  }
}
