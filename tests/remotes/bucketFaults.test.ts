import { vi } from "vitest";
import { startAzureServer } from "../support/azureServer.ts";
import { startGsServer } from "../support/gsServer.ts";
import { describeRemoteFaults } from "../support/remoteFaults.ts";
import { startS3Server } from "../support/s3Server.ts";

// Retries wait.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const home = "/nonexistent";
const portOf = (endpoint: string): number => Number(new URL(endpoint).port);

describeRemoteFaults("S3", async () => {
  const own = await startS3Server();
  own.makeBucket("bucket");
  const keys = { access_key_id: own.accessKeyId, secret_access_key: own.secretAccessKey };
  return {
    port: portOf(own.endpoint),
    at: (port, folder) => {
      const values = { ...keys, endpointurl: `http://127.0.0.1:${String(port)}` };
      return { url: `s3://bucket/${folder}`, values, home };
    },
    impatient: { read_timeout: "1" },
    isHttp: true,
    stop: () => own.stop(),
  };
});

describeRemoteFaults("GCS", async () => {
  const own = await startGsServer();
  await own.makeBucket("bucket");
  return {
    port: portOf(own.endpoint),
    at: (port, folder) => {
      const values = { endpointurl: `http://127.0.0.1:${String(port)}`, allow_anonymous_login: "true" };
      return { url: `gs://bucket/${folder}`, values, home };
    },
    isHttp: true,
    stop: () => own.stop(),
  };
});

describeRemoteFaults("Azure", async () => {
  const own = await startAzureServer();
  await own.makeContainer("data");
  return {
    port: own.port,
    at: (port, folder) => {
      const endpoint = `http://127.0.0.1:${String(port)}/${own.account}`;
      return { url: `azure://data/${folder}`, values: { connection_string: own.connection(endpoint) }, home };
    },
    impatient: { read_timeout: "1" },
    isHttp: true,
    stop: () => own.stop(),
  };
});
