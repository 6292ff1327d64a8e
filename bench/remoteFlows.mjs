// Remotes other than S3, as data: many small files and one large, to a real server on loopback and back.
import { join } from "node:path";
import { makeBigFile, makeFiles } from "./data.mjs";

const REMOTES = [
  { name: "ssh", title: "SSH" },
  { name: "gs", title: "GCS" },
  { name: "webdav", title: "WebDAV" },
  { name: "azure", title: "Azure" },
];

const remoteOn = (commitAll) => [
  { run: ({ server, bucketPath }) => ["remote", "add", "-q", "-d", "store", server.url(bucketPath)] },
  {
    runs: ({ server }) =>
      Object.entries(server.options).map(([name, value]) => ["remote", "modify", "-q", "store", name, value]),
  },
  commitAll,
];

/** The flows at a scale; 1: 2,000 x 4 KiB and one file of 512 MiB. */
export function remoteFlows({ newRepo, init, commitAll, clone }, scale) {
  const count = Math.max(100, Math.round(2000 * scale));
  const bigSize = Math.max(1 << 20, Math.round(2 ** 29 * scale));
  const many = { count, size: 4096, folders: Math.max(2, Math.round(20 * scale)) };
  const manyLabel = `${count.toLocaleString("en")} x 4 KiB`;
  const bigLabel = `one file of ${Math.round(bigSize / 2 ** 20)} MiB`;
  return REMOTES.flatMap(({ name, title }) => [
    {
      name,
      needs: name,
      steps: [
        newRepo,
        init,
        { do: ({ dir }) => makeFiles(join(dir, "data"), many) },
        { run: ["add", "-q", "data"] },
        ...remoteOn(commitAll),
        { case: `${name}-push`, label: `${title} push, ${manyLabel}`, run: ["push"] },
        { case: `${name}-status-cloud`, label: `${title} status -c`, run: ["status", "-c"] },
        clone,
        { case: `${name}-pull`, label: `${title} pull`, run: ["pull"] },
      ],
    },
    {
      name: `big-${name}`,
      needs: name,
      steps: [
        newRepo,
        init,
        { do: ({ dir }) => makeBigFile(join(dir, "big.bin"), bigSize) },
        { run: ["add", "-q", "big.bin"] },
        ...remoteOn(commitAll),
        { case: `big-${name}-push`, label: `${title} push, ${bigLabel}`, run: ["push"], memory: 200e6 },
        clone,
        { case: `big-${name}-pull`, label: `${title} pull, one big file`, run: ["pull"], memory: 200e6 },
      ],
    },
  ]);
}
