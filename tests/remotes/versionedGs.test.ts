/** Remotes with `version_aware` and `worktree` on Google Cloud Storage, whose versions are generations. */
import { startGsServer } from "../support/gsServer.ts";
import { describeVersionedRemote } from "../support/versionedRemote.ts";

describeVersionedRemote("Google Cloud Storage", async () => {
  const server = await startGsServer({ versions: true });
  return {
    makeBucket: async (name, versions) => {
      await server.makeBucket(name, { versions });
      return { url: `gs://${name}`, options: { endpointurl: server.endpoint, allow_anonymous_login: "true" } };
    },
    etag: /\S+/,
    versionId: /'(\d+)'/,
    urlOf: (file, id) => `${file}#${id}`,
    stop: server.stop,
  };
});
