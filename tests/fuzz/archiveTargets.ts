import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DvcError } from "../../packages/core/src/base/errors.ts";
import { parseHeader } from "../../packages/core/src/snapshots/archiveHeader.ts";
import { unpack } from "../../packages/core/src/snapshots/compression.ts";
import { TAR_END, tarHeader, tarPadding, TarReader } from "../../packages/core/src/snapshots/tar.ts";
import { parsed, parsedLater } from "./check.ts";
import type { Target } from "./targets.ts";

const HEADER = JSON.stringify({
  format: 1,
  commit: "a".repeat(40),
  commitObject: "",
  tag: null,
  tagObject: null,
  project: ".",
  code: 1,
  codeBytes: 1,
  objects: 0,
  bytes: 0,
  submodules: [],
});
const entry = (name: string, body: string): Buffer =>
  Buffer.concat([tarHeader({ name, type: "file", size: body.length }), Buffer.from(body), tarPadding(body.length)]);
const TAR = Buffer.concat([
  entry("code/a", "x"),
  tarHeader({ name: "code/l", type: "link", size: 0, target: "é" }),
  TAR_END,
]);
// "hello" as `zstd -1` packs it.
const ZSTD = Buffer.from("28b52ffd200529000068656c6c6f", "hex");
/** More than that out of so small a file is a bomb that was not stopped (bytes). */
const MOST = 1 << 28;

async function readAll(bytes: Buffer): Promise<void> {
  const reader = new TarReader(oneByOne(bytes), "archive.tar");
  for (let next = await reader.next(); next !== undefined; next = await reader.next())
    for await (const _piece of reader.body()) continue;
}

async function* oneByOne(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 500) yield await Promise.resolve(bytes.subarray(at, at + 500));
}

/** Archives of snapshots. */
export const archiveTargets: readonly Target[] = [
  {
    name: "tar",
    seeds: [TAR, Buffer.concat([entry(`code/${"d/".repeat(80)}x`, ""), TAR_END])],
    words: ["ustar\x0000", "777777777777", "path=", "size=-1\n", "size=1e99\n", "x", "L"],
    run: async (bytes) => {
      await parsedLater(() => readAll(bytes), DvcError);
      // Most changes make a checksum wrong: mended, so that what is behind it is met as well.
      const mended = Buffer.from(bytes);
      for (let at = 0; at + 512 <= mended.length; at += 512) {
        mended.write("        ", at + 148);
        const sum = mended.subarray(at, at + 512).reduce((total, one) => total + one, 0);
        mended.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148);
      }
      await parsedLater(() => readAll(mended), DvcError);
    },
  },
  {
    name: "archiveHeader",
    seeds: [HEADER],
    words: ["null", "[]", '["a","b"]', "-1", "1e99", "__proto__"],
    run: (bytes) => {
      parsed(() => parseHeader(bytes.toString("utf8"), "archive"), DvcError);
    },
  },
  {
    name: "unpack",
    seeds: [ZSTD, gzipSync("hello")],
    words: ["\x28\xb5\x2f\xfd", "\x1f\x8b\x08", "\xff\xff\xff\xff"],
    run: async (bytes) => {
      const folder = mkdtempSync(join(tmpdir(), "fuzz-pack-"));
      try {
        const path = join(folder, "archive");
        writeFileSync(path, bytes);
        let size = 0;
        await parsedLater(async () => {
          for await (const piece of unpack(path)) if ((size += piece.length) > MOST) break;
        }, DvcError);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  },
];
