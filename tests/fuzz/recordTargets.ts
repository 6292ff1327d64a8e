import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DvcError } from "../../packages/core/src/base/errors.ts";
import { md5Bytes } from "../../packages/core/src/hash/md5.ts";
import { readStateFile, writeStateFile } from "../../packages/core/src/odb/stateFile.ts";
import { readTrash } from "../../packages/core/src/odb/trash.ts";
import { CheckPointFile } from "../../packages/core/src/repo/checkPoints.ts";
import { readJournal } from "../../packages/core/src/repo/journal.ts";
import { checkPathLocks } from "../../packages/core/src/repo/pathLocks.ts";
import type { Repo } from "../../packages/core/src/repo/repo.ts";
import { parsed } from "./check.ts";
import type { Target } from "./targets.ts";

const JOURNAL = `{"verb":"add","at":1}\n{"kind":"text","path":"/repo/x.dvc","before":null,"after":"x"}\n{"kind":"data","path":"/repo/x","before":null,"after":{"name":"md5","value":"a"}}\n{"undone":true}\n`;
const LOCKS = '{"write": {"/repo/x": {"pid": 1, "cmd": "dvc add"}}, "read": {"/repo/y": [{"pid": 1, "cmd": "c"}]}}';

/** Runs `work` with a project whose file of this name below `.dvc/tmp` holds these bytes. */
function withFile(name: string, bytes: Buffer, work: (repo: Repo, file: string) => void): void {
  const tmpDir = mkdtempSync(join(tmpdir(), "fuzz-tmp-"));
  try {
    const file = join(tmpDir, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    work(
      {
        tmpDir,
        siteDir: tmpDir,
        root: "/repo",
        env: { cwd: "/repo", programName: "holdfast", pid: 1 },
      } as unknown as Repo,
      file,
    );
  } finally {
    rmSync(tmpDir, { recursive: true });
  }
}

function stateSeed(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-seed-"));
  const file = join(folder, "state");
  writeStateFile(
    file,
    new Uint32Array(32).map((_, at) => at),
  );
  const bytes = process.getBuiltinModule("node:fs").readFileSync(file);
  rmSync(folder, { recursive: true });
  return bytes;
}

/** What we keep below `.dvc/tmp`, which a repository may hold already. */
export const recordTargets: readonly Target[] = [
  {
    name: "journal",
    seeds: [JOURNAL],
    words: ['{"kind":"kept"', '"at":', "null", "{}", "[]", '"__proto__":'],
    run: (bytes) => {
      withFile("journal/20200101000000000-1.jsonl", bytes, (repo) => {
        readJournal(repo);
      });
    },
  },
  {
    name: "locks",
    seeds: [LOCKS],
    words: ["null", "[]", "{}", "-1", '"__proto__":', "1e99"],
    run: (bytes) => {
      withFile("rwlock", bytes, (repo) => {
        parsed(() => checkPathLocks(repo, { read: ["/repo/x"], write: ["/repo/y"] }), DvcError);
      });
    },
  },
  {
    name: "trash",
    seeds: ['{"at":1,"command":"gc","project":"/repo","objects":1,"bytes":2}'],
    words: ["null", "[]", "-1", "1e999"],
    run: (bytes) => {
      withFile("trash/20200101000000000-1/record.json", bytes, ({ tmpDir }) => {
        readTrash([join(tmpDir, "trash")]);
      });
    },
  },
  {
    name: "state",
    seeds: [stateSeed()],
    words: ["\xff\xff\xff\xff", "HFST"],
    run: (bytes) => {
      withFile("state", bytes, (_repo, file) => {
        readStateFile(file);
      });
    },
  },
  {
    name: "checkPoint",
    seeds: ['{"begunAt":1,"point":{"last":"","objects":1,"bytes":2,"bad":[]}}'],
    words: ["null", "[]", "-1", "1e999", '"problem":"damaged"'],
    run: (bytes) => {
      withFile(`fsck/${md5Bytes(Buffer.from("u"))}.json`, bytes, (repo) => {
        new CheckPointFile(repo, "u").load();
      });
    },
  },
];
