/** Remotes with `version_aware` and `worktree` on Azure; the emulator keeps no versions, so a proxy before it does. */
import { startAzureServer } from "../support/azureServer.ts";
import { startAzureVersions } from "../support/azureVersions.ts";
import { describeVersionedRemote } from "../support/versionedRemote.ts";

describeVersionedRemote("Azure", async () => {
  const server = await startAzureServer();
  const versions = await startAzureVersions(server);
  return {
    makeBucket: async (name, keeps) => {
      await server.makeContainer(name);
      const connection = server.connection(keeps ? versions.endpoint : undefined);
      return { url: `azure://${name}`, options: { connection_string: connection } };
    },
    etag: /'"0x[0-9A-F]+"'/,
    versionId: /'?(2026-[^'\n]+Z)'?/,
    urlOf: (file, id) => `${file}?versionid=${id}`,
    idsOf: (file) => versions.idsOf(file.replace("azure://", "")),
    stop: async () => {
      await versions.stop();
      await server.stop();
    },
  };
});
