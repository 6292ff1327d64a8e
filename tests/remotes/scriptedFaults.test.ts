import { vi } from "vitest";
import { describeRemoteFaults, type FaultSubject } from "../support/remoteFaults.ts";
import { describeKilledTransfers } from "../support/remoteKills.ts";
import { startScriptedDrive } from "../support/scriptedDrive.ts";
import { OSS_KEYS, startScriptedOss } from "../support/scriptedOss.ts";

// Retries wait.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const home = "/nonexistent";

describeRemoteFaults("OSS", async () => {
  const own = await startScriptedOss();
  const keys = { oss_key_id: OSS_KEYS.id, oss_key_secret: OSS_KEYS.secret };
  return {
    port: own.port,
    at: (port, folder) => {
      const values = { ...keys, oss_endpoint: `http://127.0.0.1:${String(port)}` };
      return { url: `oss://data/${folder}`, values, home, env: { OSS_REGION: "cn-hangzhou" } };
    },
    isHttp: true,
    stop: () => own.stop(),
  };
});

const drive = async (): Promise<FaultSubject> => {
  const own = await startScriptedDrive();
  const key = JSON.parse(own.serviceKey) as object;
  return {
    port: Number(new URL(own.endpoint).port),
    at: (port, folder) => {
      const endpoint = `http://127.0.0.1:${String(port)}`;
      // Tokens come by a way of their own.
      const credentials = JSON.stringify({ ...key, token_uri: `${own.endpoint}/token` });
      const env = { HOLDFAST_GDRIVE_ENDPOINT: endpoint, GDRIVE_CREDENTIALS_DATA: credentials };
      return { url: `gdrive://top/${folder}`, values: { gdrive_use_service_account: "true" }, home, env };
    },
    isHttp: true,
    objectOf: (path) => (/alt=media|upload/.test(path) ? path.replace(/&.*/, "") : undefined),
    isPatient: true,
    stop: () => own.stop(),
  };
};

describeRemoteFaults("Google Drive", drive);
describeKilledTransfers("Google Drive", drive);
