import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StorageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { mapBounded } from "../base/pool.ts";
import type { FileSystem } from "./filesystem.ts";

/** Speeds. Bytes per second are of one large object; objects per second of many small ones at once. */
export interface ProbeSpeed {
  /** Middle and slowest of some single questions, ms. */
  readonly latencyMs: { readonly median: number; readonly worst: number };
  readonly large: { readonly bytes: number; readonly writeBytesPerSecond: number; readonly readBytesPerSecond: number };
  readonly small: {
    readonly objects: number;
    readonly bytes: number;
    readonly atOnce: number;
    readonly writesPerSecond: number;
    readonly readsPerSecond: number;
  };
}

/** A storage and where objects may be written to measure it. */
export interface SpeedProbe {
  readonly fs: FileSystem;
  /** Of an object of this name. */
  readonly path: (name: string) => string;
  /** What was written and not removed again. */
  readonly written: Set<string>;
  readonly call: CallOptions;
}

const SMALL_BYTES = 4096;
const SMALL_OBJECTS = 64;
const QUESTIONS = 7;

/** Measures a storage with objects that it removes again. `size`: bytes of the large one. @throws {StorageError} */
export async function measureSpeed(probe: SpeedProbe, size: number): Promise<ProbeSpeed> {
  const latencyMs = await latency(probe);
  const small = await smallObjects(probe);
  const large = await largeObject(probe, size);
  return { latencyMs, large, small };
}

async function latency({ fs, path, call }: SpeedProbe): Promise<ProbeSpeed["latencyMs"]> {
  const times: number[] = [];
  for (let i = 0; i < QUESTIONS; i++) {
    const start = performance.now();
    await fs.stat(path("object"), call);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return { median: times[QUESTIONS >> 1] ?? 0, worst: times.at(-1) ?? 0 };
}

async function smallObjects({ fs, path, call, written }: SpeedProbe): Promise<ProbeSpeed["small"]> {
  const atOnce = fs.caps.maxParallel;
  const bytes = randomBytes(SMALL_BYTES);
  const paths = Array.from({ length: SMALL_OBJECTS }, (_, i) => path(`small-${String(i)}`));
  const write = await seconds(() =>
    mapBounded(paths, atOnce, async (one) => {
      written.add(one);
      await fs.write(one, { bytes }, call);
    }),
  );
  const read = await seconds(() => mapBounded(paths, atOnce, (one) => fs.readBytes(one, call)));
  await fs.removeMany(paths, call);
  for (const one of paths) written.delete(one);
  const perSecond = { writesPerSecond: SMALL_OBJECTS / write, readsPerSecond: SMALL_OBJECTS / read };
  return { objects: SMALL_OBJECTS, bytes: SMALL_BYTES, atOnce, ...perSecond };
}

async function largeObject({ fs, path, call, written }: SpeedProbe, size: number): Promise<ProbeSpeed["large"]> {
  const large = path("large");
  const bytes = randomBytes(size);
  const folder = mkdtempSync(join(tmpdir(), "holdfast-probe-"));
  try {
    written.add(large);
    const write = await seconds(() => fs.write(large, { bytes }, call));
    const to = join(folder, "large");
    const read = await seconds(() => fs.download(large, to, { ...call, size }));
    const url = fs.url(large);
    if (!readFileSync(to).equals(bytes))
      throw new StorageError(`'${url}' came back with other bytes`, { protocol: fs.protocol, path: url });
    await fs.remove(large, call);
    written.delete(large);
    return { bytes: size, writeBytesPerSecond: size / write, readBytesPerSecond: size / read };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
