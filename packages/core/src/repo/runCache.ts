import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { mapBounded } from "../base/pool.ts";
import { writeFileAtomic } from "../fs/atomic.ts";
import type { RemoteDb } from "../odb/remoteDb.ts";
import { runsFolder } from "./objects.ts";
import type { Repo } from "./repo.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** `<kk>/<key>/<value>`: 64 hex digits each, the first two of the key in front. */
const RUN = /^[0-9a-f]{2}\/[0-9a-f]{64}\/[0-9a-f]{64}$/;
/** Bytes; a run is a few lines of YAML. */
const MAX_RUN = 16 * 1024 * 1024;

/** Copies every run of the local run cache to the remote; returns how many (DVC counts those already there too). */
export async function pushRuns(repo: Repo, remote: RemoteDb, options: CallOptions): Promise<number> {
  const local = localRuns(repo);
  const there = await remoteRuns(remote, options);
  await mapBounded(
    local.filter((run) => !there.has(run)),
    remote.jobs,
    async (run) => {
      const bytes = readFileSync(join(runsFolder(repo.cacheDir), run));
      await remote.fs.write(remotePath(remote, run), { bytes }, options);
    },
  );
  return local.length;
}

/** Copies every run of the remote that is not here; returns how many. */
export async function pullRuns(repo: Repo, remote: RemoteDb, options: CallOptions): Promise<number> {
  const here = new Set(localRuns(repo));
  const wanted = [...(await remoteRuns(remote, options))].filter((run) => !here.has(run));
  await mapBounded(wanted, remote.jobs, async (run) => {
    const bytes = await remote.fs.readBytes(remotePath(remote, run), { ...options, end: MAX_RUN });
    const file = join(runsFolder(repo.cacheDir), run);
    makeFolders(dirname(file));
    writeFileAtomic(file, bytes, { inside: runsFolder(repo.cacheDir) });
  });
  return wanted.length;
}

function runsRoot(remote: RemoteDb): string {
  const base = remote.layout === "legacy" ? remote.root : remote.root.slice(0, -"/files/md5".length);
  return `${base}/runs`;
}

function remotePath(remote: RemoteDb, run: string): string {
  return `${runsRoot(remote)}/${run}`;
}

async function remoteRuns(remote: RemoteDb, options: CallOptions): Promise<Set<string>> {
  const root = runsRoot(remote);
  const runs = new Set<string>();
  if (remote.fs.caps.listPage === 0) return runs;
  for await (const found of remote.fs.list(root, options)) {
    const run = found.path.slice(root.length + 1);
    if (RUN.test(run)) runs.add(run);
  }
  return runs;
}

function localRuns(repo: Repo): string[] {
  const root = runsFolder(repo.cacheDir);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: "utf8" }).filter((run) => RUN.test(run));
}
