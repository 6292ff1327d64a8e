// What is measured, as data. A flow is a line of steps in one fresh repository a tool and round; steps with a `case` are measured.
// `at least` are the goals of the first release against DVC 3.67.1 in the same run.
import { spawnSync } from "node:child_process";
import { mkdirSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { changeOnePercent, fileAt, makeBigFile, makeFiles } from "./data.mjs";
import { copiesFromS3, copiesToS3 } from "./otherTools.mjs";
import { pipelineFlows } from "./pipelineFlows.mjs";
import { remoteFlows } from "./remoteFlows.mjs";

const git = (cwd, ...args) => {
  const run = spawnSync(
    "git",
    ["-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false", ...args],
    { cwd, encoding: "utf8" },
  );
  if (run.status !== 0) throw new Error(`git ${args.join(" ")}: ${run.stderr}`);
};

/** Moves the data out of the way: nothing is deleted between measurements, which would slow the next file creation down. */
const setAside =
  (name) =>
  ({ dir, n }) =>
    renameSync(join(dir, name), join(dir, "..", `aside-${n}-${name.replaceAll("/", "-")}`));

const newRepo = {
  do: ({ dir }) => {
    mkdirSync(dir, { recursive: true });
    git(dir, "init", "-q");
  },
};
const commitAll = {
  do: ({ dir }) => {
    git(dir, "add", "-A");
    git(dir, "commit", "-q", "-m", "state");
  },
};
const init = { run: ["init", "-q"] };

/** Goes on in a clone that has pointers and no data. */
const clone = {
  do: (context) => {
    const to = `${context.dir}-clone`;
    git(join(context.dir, ".."), "clone", "-q", context.dir, to);
    context.dir = to;
  },
};

/** Goes on in a folder beside the repository. */
const beside = (name) => ({
  do: (context) => {
    context.dir = join(context.home, name);
  },
});

const folderRemote = [{ run: ({ dir }) => ["remote", "add", "-q", "-d", "store", `${dir}-remote`] }, commitAll];
const s3Remote = [
  { run: ({ s3, bucketPath }) => ["remote", "add", "-q", "-d", "store", `s3://${s3.bucket}/${bucketPath}`] },
  { run: ({ s3 }) => ["remote", "modify", "-q", "store", "endpointurl", s3.endpoint] },
  { run: ({ s3 }) => ["remote", "modify", "-q", "store", "region", s3.region] },
  commitAll,
];

/** Both cores at it, as in `fsck`. */
const hashesOfCache = {
  md5sum: ["sh", "-c", "find .dvc/cache/files -type f -print0 | xargs -0 -n 50 -P 2 md5sum > /dev/null"],
};

const copyOf = (name) => ({
  cp: ["cp", "-r", name, "../copy-of-" + name],
  md5sum: ["sh", "-c", `find ${name} -type f -print0 | xargs -0 md5sum > /dev/null`],
});

/** All flows at a scale; 1 is the full size of the goals. */
export function flows(scale) {
  const many = {
    count: Math.max(100, Math.round(20_000 * scale)),
    size: 4096,
    folders: Math.max(2, Math.round(200 * scale)),
  };
  const crowd = {
    count: Math.max(100, Math.round(200_000 * scale)),
    size: 100,
    folders: Math.max(2, Math.round(1000 * scale)),
  };
  const bigSize = Math.max(1 << 20, Math.round(2 ** 31 * scale));
  const hugeSize = Math.max(1 << 20, Math.round(5 * 2 ** 30 * scale));
  const gib = (bytes) => `${(bytes / 2 ** 30).toFixed(bytes < 2 ** 30 ? 2 : 0)} GiB`;
  const manyLabel = `${many.count.toLocaleString("en")} x 4 KiB`;
  const crowdLabel = `${crowd.count.toLocaleString("en")} x 100 B`;
  const makeMany = { do: ({ dir }) => makeFiles(join(dir, "data"), many) };

  return [
    {
      name: "tiny",
      rounds: 3,
      steps: [
        newRepo,
        init,
        { do: ({ dir }) => writeFileSync(join(dir, "a.txt"), "one small file\n") },
        { run: ["add", "-q", "a.txt"] },
        { case: "--version", label: "--version", run: ["--version"], atLeast: 5 },
        { case: "status-tiny", label: "status, one file", run: ["status"], atLeast: 10 },
      ],
    },
    {
      name: "many",
      steps: [
        newRepo,
        init,
        makeMany,
        { case: "add", label: `add, ${manyLabel}`, run: ["add", "data"], atLeast: 6, limits: copyOf("data") },
        { case: "add-again", label: "add again", run: ["add", "data"], atLeast: 12 },
        commitAll,
        { case: "status", label: "status, unchanged", run: ["status"], atLeast: 10 },
        { case: "data-status", label: "data status", run: ["data", "status"], atLeast: 10 },
        {
          do: ({ dir }) => {
            const now = new Date();
            utimesSync(fileAt(join(dir, "data"), 0, Math.ceil(many.count / many.folders)), now, now);
          },
        },
        { case: "status-touched", label: "status, one file touched", run: ["status"], atLeast: 10 },
        { do: ({ dir }) => changeOnePercent(join(dir, "data"), many) },
        { case: "diff", label: "diff, 1 % changed", run: ["diff"], atLeast: 10 },
        { case: "add-changed", label: "add after 1 % changed", run: ["add", "data"], atLeast: 10 },
        commitAll,
        { do: setAside("data") },
        { case: "checkout-copy", label: "checkout, copy", run: ["checkout"], atLeast: 8 },
        { case: "checkout-nothing", label: "checkout, nothing to do", run: ["checkout"], atLeast: 12 },
        { run: ["config", "-q", "cache.type", "hardlink"] },
        { do: setAside("data") },
        { case: "checkout-hardlink", label: "checkout, hardlink", run: ["checkout"], atLeast: 5 },
        { run: ["config", "-q", "cache.type", "symlink"] },
        { do: setAside("data") },
        { case: "checkout-symlink", label: "checkout, symlink", run: ["checkout"], atLeast: 5 },
        { run: ["config", "-q", "--unset", "cache.type"] },
        ...folderRemote,
        { case: "push", label: "push to a folder", run: ["push"], atLeast: 6 },
        { case: "push-nothing", label: "push, nothing to push", run: ["push"], atLeast: 15 },
        { case: "status-cloud", label: "status -c, folder", run: ["status", "-c"], atLeast: 8 },
        { case: "gc-dry", label: "gc --dry", run: ["gc", "-w", "--dry"], atLeast: 8 },
        clone,
        { case: "pull", label: "pull from a folder", run: ["pull"], atLeast: 10 },
      ],
    },
    {
      name: "s3",
      needs: "s3",
      steps: [
        newRepo,
        init,
        makeMany,
        { run: ["add", "-q", "data"] },
        ...s3Remote,
        {
          case: "s3-push",
          label: `S3 push, ${manyLabel}`,
          run: ["push"],
          atLeast: 4,
          limits: copiesToS3("data", true),
        },
        { case: "s3-status-cloud", label: "S3 status -c", run: ["status", "-c"], atLeast: 8 },
        clone,
        { case: "s3-fetch", label: "S3 fetch", run: ["fetch"], atLeast: 5, limits: copiesFromS3() },
        clone,
        { case: "s3-pull", label: "S3 pull", run: ["pull"], atLeast: 5 },
      ],
    },
    {
      name: "big",
      isBulky: true,
      steps: [
        newRepo,
        init,
        { do: ({ dir }) => makeBigFile(join(dir, "big.bin"), bigSize) },
        {
          case: "big-add",
          label: `add, one file of ${gib(bigSize)}`,
          run: ["add", "big.bin"],
          within: { times: 1.25, of: ["md5sum", "cp"] },
          limits: { cp: ["cp", "big.bin", "../copy-of-big"], md5sum: ["md5sum", "big.bin"] },
        },
        { do: setAside("big.bin") },
        { case: "big-checkout", label: "checkout, copy, one big file", run: ["checkout"], atLeast: 3 },
      ],
    },
    {
      name: "big-s3",
      needs: "s3",
      rounds: 1,
      isBulky: true,
      steps: [
        newRepo,
        init,
        { do: ({ dir }) => makeBigFile(join(dir, "big.bin"), bigSize) },
        { run: ["add", "-q", "big.bin"] },
        ...s3Remote,
        {
          case: "big-s3-push",
          label: `S3 push, one file of ${gib(bigSize)}`,
          run: ["push"],
          atLeast: 1.2,
          within: { times: 1, of: ["rclone"] },
          memory: 200e6,
          limits: copiesToS3("big.bin", false),
        },
        clone,
        {
          case: "big-s3-fetch",
          label: "S3 fetch, one big file",
          run: ["fetch"],
          within: { times: 1, of: ["rclone"] },
          memory: 200e6,
          limits: copiesFromS3(),
        },
        clone,
        { case: "big-s3-pull", label: "S3 pull, one big file", run: ["pull"], atLeast: 2, memory: 200e6 },
      ],
    },
    {
      name: "sources",
      steps: [
        newRepo,
        init,
        makeMany,
        { run: ["add", "-q", "data"] },
        commitAll,
        beside("other"),
        newRepo,
        init,
        { case: "get", label: `get, ${manyLabel}`, run: ["get", "-q", "../repo", "data", "-o", "got"], atLeast: 4 },
        { case: "import", label: `import, ${manyLabel}`, run: ["import", "-q", "../repo", "data"], atLeast: 4 },
        { case: "update", label: "update, nothing new", run: ["update", "-q", "data.dvc"], atLeast: 4 },
      ],
    },
    {
      name: "fsck",
      onlyOurs: true,
      steps: [
        newRepo,
        init,
        makeMany,
        { run: ["add", "-q", "data"] },
        { case: "fsck", label: `fsck, ${manyLabel}`, run: ["fsck"], limits: hashesOfCache },
      ],
    },
    {
      name: "big-fsck",
      onlyOurs: true,
      isBulky: true,
      steps: [
        newRepo,
        init,
        {
          do: ({ dir }) => {
            for (let n = 0; n < 8; n++) makeBigFile(join(dir, "big", String(n)), Math.round(bigSize / 8), `big ${n}`);
          },
        },
        { run: ["add", "-q", "big"] },
        {
          case: "big-fsck",
          label: `fsck, 8 files of ${gib(bigSize / 8)}`,
          run: ["fsck"],
          within: { times: 1.25, of: ["md5sum"] },
          limits: hashesOfCache,
        },
      ],
    },
    {
      name: "crowd",
      rounds: 1,
      steps: [
        newRepo,
        init,
        { do: ({ dir }) => makeFiles(join(dir, "data"), crowd) },
        {
          case: "crowd-add",
          label: `add, ${crowdLabel}`,
          run: ["add", "data"],
          atLeast: 6,
          memory: 400e6,
          limits: copyOf("data"),
        },
        commitAll,
        { case: "crowd-status", label: `status, ${crowdLabel}`, run: ["status"], atLeast: 10, memory: 400e6 },
        { do: setAside("data") },
        { case: "crowd-checkout", label: `checkout, ${crowdLabel}`, run: ["checkout"], atLeast: 8, memory: 400e6 },
      ],
    },
    {
      name: "memory",
      rounds: 1,
      onlyOurs: true,
      onlyWhenNamed: true,
      steps: [
        newRepo,
        init,
        { do: ({ dir }) => makeBigFile(join(dir, "huge.bin"), hugeSize) },
        { case: "huge-add", label: `add, one file of ${gib(hugeSize)}`, run: ["add", "huge.bin"], memory: 200e6 },
        { do: setAside("huge.bin") },
        { case: "huge-checkout", label: "checkout, one huge file", run: ["checkout"], memory: 200e6 },
      ],
    },
    ...remoteFlows({ newRepo, init, commitAll, clone }, scale),
    ...pipelineFlows({ newRepo, init, commitAll, setAside }),
  ];
}
