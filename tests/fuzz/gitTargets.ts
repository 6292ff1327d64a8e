import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { AnswerReader } from "../../packages/core/src/fs/httpAnswer.ts";
import { parseGitConfig } from "../../packages/core/src/scm/gitConfig.ts";
import { filesOfCommit, peeledCommit } from "../../packages/core/src/scm/gitHistory.ts";
import { GitObjects } from "../../packages/core/src/scm/gitObjects.ts";
import { applyDelta } from "../../packages/core/src/scm/gitPack.ts";
import { listRefs, readRef } from "../../packages/core/src/scm/gitRefs.ts";
import { parsed } from "./check.ts";
import type { Target } from "./targets.ts";

const ID = "0123456789abcdef0123456789abcdef01234567";

/** Runs `work` in a repository whose file of this name holds these bytes. */
function inRepository(
  name: string,
  bytes: Buffer,
  work: (layout: { root: string; gitDir: string; commonDir: string }) => void,
): void {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-git-"));
  try {
    for (const [file, text] of [["HEAD", "ref: refs/heads/main\n"]] as const) writeFileSync(join(folder, file), text);
    const path = join(folder, name);
    mkdirFor(path);
    writeFileSync(path, bytes);
    work({ root: folder, gitDir: folder, commonDir: folder });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function mkdirFor(path: string): void {
  process.getBuiltinModule("node:fs").mkdirSync(join(path, ".."), { recursive: true });
}

/** A pack of one blob, with its index of version 2; the fields that count are right. */
function packOf(data: string): { pack: Buffer; index: Buffer } {
  const head = Buffer.from([0x50, 0x41, 0x43, 0x4b, 0, 0, 0, 2, 0, 0, 0, 1, 0x30 | data.length]);
  const pack = Buffer.concat([head, deflateSync(data), Buffer.alloc(20)]);
  const fanout = Buffer.alloc(8 + 1024);
  fanout.writeUInt32BE(0xff744f63, 0);
  fanout.writeUInt32BE(2, 4);
  for (let at = 1; at < 256; at++) fanout.writeUInt32BE(1, 8 + at * 4);
  const offset = Buffer.alloc(8);
  offset.writeUInt32BE(12, 4);
  return { pack, index: Buffer.concat([fanout, Buffer.from(ID, "hex"), offset, Buffer.alloc(40)]) };
}

const { pack, index } = packOf("hello");
const TREE = Buffer.concat([
  Buffer.from("100644 a\0"),
  Buffer.from(ID, "hex"),
  Buffer.from("40000 b\0"),
  Buffer.from(ID, "hex"),
]);

/** Git's own files, and answers of web servers. */
export const gitTargets: readonly Target[] = [
  {
    name: "gitPack",
    seeds: [Buffer.concat([Buffer.from([0]), pack]), Buffer.concat([Buffer.from([1]), index])],
    words: ["\xff\xff\xff\xff", "\x80\x80\x80\x80\x80", "\x00\x00\x00\x00"],
    run: (bytes) => {
      // The first byte says which of the two files is the hostile one.
      const isIndex = (bytes[0] ?? 0) % 2 === 1;
      inRepository("objects/pack/pack-1.pack", isIndex ? pack : bytes.subarray(1), (layout) => {
        writeFileSync(join(layout.gitDir, "objects/pack/pack-1.idx"), isIndex ? bytes.subarray(1) : index);
        new GitObjects(layout).reading((objects) => {
          objects.read(ID);
          objects.missing([ID]);
        });
      });
    },
  },
  {
    name: "gitObject",
    seeds: [TREE, `tree ${ID}\nparent ${ID}\n\nmessage\n`, `object ${ID}\ntype commit\n`],
    words: ["tree ", "40000 ", "100644 ", "\0", ID, "160000 x\0"],
    run: (bytes) => {
      const objects = {
        read: () => ({ type: bytes[0] === 116 ? ("commit" as const) : ("tree" as const), data: bytes }),
      };
      filesOfCommit(objects as unknown as GitObjects, ID);
      peeledCommit(objects as unknown as GitObjects, ID);
      inRepository(`objects/${ID.slice(0, 2)}/${ID.slice(2)}`, bytes, (layout) => {
        new GitObjects(layout).reading((own) => own.read(ID));
      });
    },
  },
  {
    name: "gitDelta",
    seeds: [Buffer.from([5, 6, 0x90, 5, 1, 65]), Buffer.from([5, 5, 0xb0, 5, 0])],
    words: ["\x80\x80\x80\x80\x80\x01", "\xff"],
    run: (bytes) => {
      parsed(() => applyDelta(Buffer.from("hello"), bytes), Error);
    },
  },
  {
    name: "gitRefs",
    seeds: [`# pack-refs with: peeled fully-peeled sorted\n${ID} refs/heads/main\n${ID} refs/tags/v1\n^${ID}\n`],
    words: ["refs/heads/../x", "^", "refs/tags/", "\0", "ref: "],
    run: (bytes) => {
      inRepository("packed-refs", bytes, (layout) => {
        listRefs(layout, "refs/");
        readRef(layout, "refs/heads/main");
      });
      inRepository("refs/heads/main", bytes, (layout) => {
        readRef(layout, "refs/heads/main");
      });
      parseGitConfig(bytes.toString("utf8"));
    },
  },
  {
    name: "httpAnswer",
    seeds: [
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 No\r\nConnection: close\r\n\r\nx",
    ],
    words: ["Content-Length: ", "Transfer-Encoding: chunked\r\n", "\r\n\r\n", "ffffffff\r\n", "-1", "HTTP/1.1 "],
    run: (bytes) => {
      for (const size of [1, 7, bytes.length]) {
        const reader = new AnswerReader(false, undefined);
        parsed(() => {
          for (let at = 0; at < bytes.length; at += size) if (reader.push(bytes.subarray(at, at + size))) break;
          reader.endOfConnection();
          return reader.body;
        }, Error);
      }
    },
  },
];
