import { createReadStream } from "node:fs";
import { FormatError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { ZstdFrames } from "./zstdFrames.ts";

/** How an archive is packed. */
export type Packing = "zstd" | "gzip" | "plain";

/** Bytes of one zstd frame before packing: frames are packed one by one, so that memory stays flat. */
const FRAME = 2 << 20;

/** What the name of an archive says. */
export function packingOf(path: OsPath): Packing | undefined {
  if (/\.(tar\.zst|tzst)$/i.test(path)) return "zstd";
  if (/\.(tar\.gz|tgz)$/i.test(path)) return "gzip";
  return /\.tar$/i.test(path) ? "plain" : undefined;
}

/** Packs a stream. The same bytes give the same bytes. */
export async function* pack(source: AsyncIterable<Uint8Array>, packing: Packing): AsyncGenerator<Uint8Array> {
  if (packing === "plain") yield* source;
  else if (packing === "gzip") {
    const { createGzip } = await import("node:zlib");
    const { Readable } = await import("node:stream");
    const gzip = createGzip({ level: 6 });
    const input = Readable.from(source, { objectMode: false });
    input.on("error", (error) => gzip.destroy(error));
    yield* input.pipe(gzip) as AsyncIterable<Uint8Array>;
  } else {
    const { Zstd } = await import("@hpcc-js/wasm-zstd");
    const zstd = quickened(await Zstd.load());
    for await (const frame of inFrames(source)) yield zstd.compress(frame, 3);
  }
}

/** The memory of the package's program. */
interface Heap {
  heapView(at: unknown): Uint8Array;
  heapToUint8Array(at: unknown): Uint8Array;
}

/** The package hands its answers out number by number (3 MB/s): here as one copy. */
function quickened<T extends object>(zstd: T): T {
  const { _mainModule: heap } = zstd as { readonly _mainModule?: Partial<Heap> };
  if (typeof heap?.heapView !== "function") return zstd; // another version of it: slow, but right
  const view = heap.heapView.bind(heap);
  heap.heapToUint8Array = (at) => view(at).slice();
  return zstd;
}

async function* inFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frame = Buffer.alloc(FRAME);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + FRAME - filled);
      frame.set(piece, filled);
      filled += piece.length;
      at += piece.length;
      if (filled < FRAME) continue;
      yield frame;
      filled = 0;
    }
  }
  if (filled > 0) yield frame.subarray(0, filled);
}

/** Unpacks a file, by its first bytes, whatever its name. */
export async function* unpack(path: OsPath): AsyncGenerator<Uint8Array> {
  const source = createReadStream(path, { highWaterMark: 1 << 16 });
  const iterator = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const step = await iterator.next();
  const first = step.done === true ? Buffer.alloc(0) : step.value;
  const all = (async function* (): AsyncGenerator<Buffer> {
    yield first;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  })();
  try {
    if (first.length >= 4 && first.readUInt32BE(0) === 0x28b52ffd) yield* unpackZstd(all, path);
    else if (first[0] === 0x1f && first[1] === 0x8b) yield* unpackGzip(all, path);
    else yield* all;
  } finally {
    source.destroy();
  }
}

async function* unpackGzip(source: AsyncIterable<Buffer>, path: OsPath): AsyncGenerator<Uint8Array> {
  const { createGunzip } = await import("node:zlib");
  const { pipeline, Readable } = await import("node:stream");
  const gunzip = createGunzip();
  // Each ends the other, also when nobody reads on. What went wrong comes out of the loop over the bytes.
  pipeline(Readable.from(source, { objectMode: false }), gunzip, () => undefined);
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw damaged(path, cause);
  }
}

async function* unpackZstd(source: AsyncIterable<Buffer>, path: OsPath): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import("fzstd");
  let waiting: Uint8Array[] = [];
  const decompress = new Decompress((chunk) => {
    waiting.push(chunk);
  });
  const frames = new ZstdFrames();
  const pieces = function* (chunk: Buffer): Iterable<Buffer> {
    try {
      yield* frames.pieces(chunk);
    } catch (cause) {
      throw damaged(path, cause);
    }
  };
  for await (const chunk of source) {
    for (const piece of pieces(chunk)) {
      try {
        decompress.push(piece);
      } catch (cause) {
        throw damaged(path, cause);
      }
      const ready = waiting;
      waiting = [];
      yield* ready;
    }
  }
}

function damaged(path: OsPath, cause: unknown): FormatError {
  return new FormatError(`'${path}' is damaged: ${(cause as Error).message}`, { file: path });
}
