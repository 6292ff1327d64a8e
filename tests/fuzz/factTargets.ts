import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DvcError } from "../../packages/core/src/base/errors.ts";
import { TextColumn } from "../../packages/core/src/base/textColumn.ts";
import { FolderRecords } from "../../packages/core/src/odb/folderRecords.ts";
import { LeftDownload, LeftNotes } from "../../packages/core/src/odb/leftDownload.ts";
import { LinkRecords } from "../../packages/core/src/odb/links.ts";
import { loadProject } from "../../packages/core/src/pipeline/load.ts";
import { mapSource } from "../../packages/core/src/pipeline/source.ts";
import { findRun, runName } from "../../packages/core/src/pipeline/stageCache.ts";
import { lockData } from "../../packages/core/src/pipeline/stageData.ts";
import type { Stage } from "../../packages/core/src/pipeline/stage.ts";
import type { Repo } from "../../packages/core/src/repo/repo.ts";
import { registeredProjects } from "../../packages/core/src/repo/sharedCache.ts";
import { parsed } from "./check.ts";
import type { Target } from "./targets.ts";

/** Runs `work` with a folder in which the file of this name holds these bytes. */
function inFolder(name: string, bytes: Uint8Array, work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-facts-"));
  try {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
    work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const MD5 = "d41d8cd98f00b204e9800998ecf8427e";
const LOCK = `cmd: c\ndeps:\n- path: d\n  hash: md5\n  md5: ${MD5}\nouts:\n- path: o\n  hash: md5\n  md5: ${MD5}\n`;

/** A stage whose runs are kept, as a project loads it. */
function stageWithRuns(): Stage {
  const files = new Map([
    ["/repo/dvc.yaml", "stages: {s: {cmd: c, deps: [d], outs: [o]}}\n"],
    ["/repo/dvc.lock", `schema: '2.0'\nstages:\n  s:\n${LOCK.replace(/^/gm, "    ")}`],
  ]);
  const stage = loadProject("/repo/dvc.yaml", mapSource(files), { root: "/repo" }).stage("s");
  if (stage === undefined) throw new Error("no stage");
  return stage;
}

const stage = stageWithRuns();
const { key, value } = runName(lockData(stage));

/** A folder that something is known of. */
const FOLDER = "/data";

/** The name and the bytes of a record of {@link FOLDER}. */
function folderRecord(): { readonly name: string; readonly bytes: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-seed-"));
  const records = new FolderRecords(folder);
  records.set(FOLDER, "md5", {
    oid: `${MD5}.dir`,
    size: 1,
    nfiles: 1,
    relpaths: TextColumn.of(["a"]),
    stats: new BigUint64Array(5),
    folderStats: new BigUint64Array(4),
    digests: new Uint8Array(16),
    flags: new Uint8Array(1),
    folders: ["."],
  });
  records.save();
  const [name = ""] = readdirSync(folder);
  const bytes = readFileSync(join(folder, name));
  rmSync(folder, { recursive: true });
  return { name, bytes };
}

const record = folderRecord();
const OBJECT = "ab/cdef";
const NOTES = "ab/.cdef.ranges.4194304999-abc.hftmp";

/** Facts that stand in a cache or beside it, where others may write. */
export const factTargets: readonly Target[] = [
  {
    name: "runCache",
    seeds: [LOCK, `${LOCK}params: {params.yaml: {a: 1.0}}\n`],
    words: ["outs:", "md5: ", "path: ", "..", "null", "[]", "&a ", "*a"],
    run: (bytes) => {
      inFolder(`${key.slice(0, 2)}/${key}/${value}`, bytes, (folder) => {
        parsed(() => findRun(folder, stage), DvcError);
      });
    },
  },
  {
    name: "links",
    seeds: ['{"version":1,"links":{"/repo/x":{"ino":"1","token":"2 3"}}}'],
    words: ["null", "[]", '"links":', '"__proto__":', "1e999"],
    run: (bytes) => {
      inFolder("links", bytes, (folder) => {
        const records = new LinkRecords(join(folder, "links"));
        for (const [path] of records.all()) records.get(path);
      });
    },
  },
  {
    name: "leftDownload",
    seeds: [`{"host":"${hostname()}","data":".cdef.4194304999-abd.hftmp","etag":"e","size":10,"range":5}\n0\n5\n`],
    words: ["null", "-1", "0", "1e999", "../", '"range":0', '"size":"x"'],
    run: (bytes) => {
      inFolder(NOTES, bytes, (folder) => {
        const path = join(folder, OBJECT);
        const left = new LeftDownload(join(folder, "ab/new"), path, new LeftNotes());
        left.left();
        left.takeOver({ etag: "e", size: 10, range: 5 });
      });
    },
  },
  {
    name: "folderRecord",
    seeds: [record.bytes],
    words: ["\xff\xff\xff\xff", "\0\0\0\0"],
    run: (bytes) => {
      inFolder(record.name, bytes, (folder) => {
        const found = new FolderRecords(folder).get(FOLDER, "md5");
        if (found !== undefined) for (let row = 0; row < found.nfiles; row++) found.relpaths.at(row);
      });
    },
  },
  {
    name: "sharedCache",
    seeds: [JSON.stringify({ root: "/nowhere/x", host: hostname(), device: "1" })],
    words: ["null", "[]", "\\u0000", "/..", `"${"n".repeat(5000)}"`, "\\ud800"],
    run: (bytes) => {
      inFolder("projects/a.json", bytes, (folder) => {
        registeredProjects({ cacheDir: folder, root: "/repo" } as unknown as Repo);
      });
    },
  },
];
