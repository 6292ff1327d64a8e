import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { vi } from "vitest";
import { startApache } from "../support/apache.ts";
import { startNginx } from "../support/nginx.ts";
import { describeRemoteFaults, type FaultSubject } from "../support/remoteFaults.ts";
import { describeKilledTransfers } from "../support/remoteKills.ts";
import { startScriptedNameNode } from "../support/scriptedWebHdfs.ts";
import { startSshServer } from "../support/sshServer.ts";

// Retries wait.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const home = "/nonexistent";

const http = async (): Promise<FaultSubject> => {
  const own = await startNginx();
  return {
    port: own.port,
    at: (port, folder) => {
      return { url: `http://127.0.0.1:${String(port)}/up/${folder}`, values: { method: "PUT" }, home };
    },
    impatient: { read_timeout: "1" },
    isHttp: true,
    stop: () => own.stop(),
  };
};

const webDav = async (): Promise<FaultSubject> => {
  const own = await startApache();
  return {
    port: own.port,
    at: (port, folder) => ({ url: `webdav://127.0.0.1:${String(port)}/${folder}`, values: {}, home }),
    impatient: { timeout: "1" },
    isHttp: true,
    stop: () => own.stop(),
  };
};

const webHdfs = async (): Promise<FaultSubject> => {
  const own = await startScriptedNameNode();
  return {
    port: own.port,
    at: (port, folder) => ({ url: `webhdfs://127.0.0.1:${String(port)}/${folder}`, values: {}, home }),
    isHttp: true,
    stop: () => own.stop(),
  };
};

const ssh = async (): Promise<FaultSubject> => {
  const own = await startSshServer();
  const keyfile = join(own.home, ".ssh", "id_ed25519");
  writeFileSync(join(own.home, ".ssh", "config"), "StrictHostKeyChecking accept-new\n");
  return {
    port: own.port,
    at: (port, folder) => ({
      url: `ssh://127.0.0.1:${String(port)}${own.folder}/${folder}`,
      values: { keyfile },
      home: own.home,
    }),
    isHttp: false,
    stop: () => own.stop(),
  };
};

for (const [name, start] of [
  ["HTTP", http],
  ["WebDAV", webDav],
  ["WebHDFS", webHdfs],
  ["SSH", ssh],
] as const) {
  describeRemoteFaults(name, start);
  describeKilledTransfers(name, start, { damages: start === http });
}
