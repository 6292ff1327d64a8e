import { describeFileSystem } from "../../packages/core/src/fs/fs.contract.ts";
import { openStorage } from "../../packages/core/src/fs/open.ts";
import { startGsServer } from "../support/gsServer.ts";

describeFileSystem("GCS", async () => {
  const own = await startGsServer();
  await own.makeBucket("contract");
  const values = { endpointurl: own.endpoint, allow_anonymous_login: "true" };
  const { fs, root } = await openStorage("gs://contract/some/folder", { values, env: {}, home: "/nonexistent" });
  return { fs, folder: root, stop: () => own.stop() };
});
