import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StorageError } from "../base/errors.ts";
import type { FetchedObject, RangeNotes } from "./filesystem.ts";
import { type Begun, type Coming, downloadInOrder, type InOrder } from "./streamDownload.ts";

const MIB = 1 << 20;
const BYTES = Buffer.alloc(10 * MIB + 3, "bytes of an odd period, ");
const MD5 = md5(BYTES);

let folder: string;
let to: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hf-stream-"));
  to = join(folder, "to");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function md5(bytes: Buffer): string {
  return createHash("md5").update(bytes).digest("hex");
}

/** Notes of one run, and with `there` what an earlier one has left. */
class Notes implements RangeNotes {
  readonly begun: FetchedObject[] = [];
  readonly starts: number[] = [];
  readonly #there: Buffer | undefined;
  constructor(there?: Buffer) {
    this.#there = there;
  }
  left(): FetchedObject | undefined {
    return this.#there && { etag: "one", size: BYTES.length, range: 4 * MIB };
  }
  takeOver(): number[] | undefined {
    if (this.#there === undefined) return undefined;
    writeFileSync(to, this.#there);
    return this.#there.length === BYTES.length ? [0, 4 * MIB, 8 * MIB] : [0];
  }
  begin(object: FetchedObject): void {
    this.begun.push(object);
  }
  done(start: number): void {
    this.starts.push(start);
  }
  forget(): void {
    this.starts.length = 0;
  }
}

/** What comes for one request: from where, and after how many bytes it breaks. */
interface Answer {
  readonly start?: number | "rest" | "nowhere";
  readonly etag?: string;
  readonly bytes?: Buffer;
  readonly breaksAfter?: number;
}

/** A storage that answers as it is told, in pieces of 64 KiB. */
function scripted(answers: Answer[]): InOrder & { readonly asked: (number | undefined)[] } {
  const asked: (number | undefined)[] = [];
  const pour = (
    rest: Begun | undefined,
    accept: (coming: Coming) => ((chunk: Buffer) => unknown) | undefined,
  ): void => {
    asked.push(rest?.start);
    const { start = rest === undefined ? 0 : "rest", etag = "one", bytes = BYTES, breaksAfter } = answers.shift() ?? {};
    const from = start === "rest" ? rest?.start : start === "nowhere" ? undefined : start;
    const sink = accept({ start: from, size: bytes.length, etag });
    if (sink === undefined) return;
    const end = breaksAfter === undefined ? bytes.length : (from ?? 0) + breaksAfter;
    for (let at = from ?? 0; at < end; at += 65536) sink(bytes.subarray(at, Math.min(end, at + 65536)));
    if (breaksAfter !== undefined) throw new StorageError("cut", { protocol: "x", path: "x", retryable: true });
  };
  return {
    asked,
    pour: (rest, accept) =>
      Promise.resolve().then(() => {
        pour(rest, accept);
      }),
    attempt: async (work) => {
      for (let tries = 0; ; tries++) {
        try {
          return await work();
        } catch (error) {
          if (tries > 4 || !(error instanceof StorageError) || !error.retryable) throw error;
        }
      }
    },
    otherSize: (received, expected) =>
      new StorageError(`${String(received)} instead of ${String(expected)}`, {
        protocol: "x",
        path: "x",
        retryable: received < expected,
      }),
  };
}

async function fetched(answers: Answer[], notes?: RangeNotes): Promise<{ asked: (number | undefined)[]; md5: string }> {
  const from = scripted(answers);
  let counted = 0;
  const onBytes = (count: number): void => {
    counted += count;
  };
  const got = await downloadInOrder(to, from, { onBytes, ...(notes === undefined ? {} : { notes }) });
  const there = readFileSync(to);
  expect(got).toMatchObject({ md5: md5(there), size: there.length });
  expect(counted).toBe(there.length);
  return { asked: from.asked, md5: got.md5 };
}

describe("a file that comes in order", () => {
  it("goes on after each break where notes are kept, and begins anew where not", async () => {
    const breaks: Answer[] = [{ breaksAfter: 5 * MIB }, { breaksAfter: 5 * MIB }];
    const notes = new Notes();
    expect(await fetched([...breaks], notes)).toEqual({ asked: [undefined, 4 * MIB, 8 * MIB], md5: MD5 });
    expect(notes.starts).toEqual([0, 4 * MIB, 8 * MIB]);
    rmSync(to);
    expect(await fetched([...breaks])).toEqual({ asked: [undefined, undefined, undefined], md5: MD5 });
  });

  it("goes on where an earlier run ended, and asks nothing where all was there", async () => {
    const part = new Notes(BYTES.subarray(0, 5 * MIB));
    expect(await fetched([], part)).toEqual({ asked: [4 * MIB], md5: MD5 });
    rmSync(to);
    expect(await fetched([], new Notes(BYTES))).toEqual({ asked: [], md5: MD5 });
  });

  it("is not asked for again when only the end of the answer was lost", async () => {
    const answers = [{ breaksAfter: BYTES.length }];
    expect(await fetched(answers, new Notes())).toEqual({ asked: [undefined], md5: MD5 });
  });

  it.each([
    ["the storage gives all of it instead of the rest", { start: 0, breaksAfter: 5 * MIB }],
    ["the storage gives something else instead of the rest", { start: "nowhere" }],
  ] as const)("begins anew, once and for all, where %s", async (_why, second) => {
    const { asked, md5: got } = await fetched([{ breaksAfter: 5 * MIB }, second, {}], new Notes());
    expect(asked).toEqual([undefined, 4 * MIB, undefined]);
    expect(got).toBe(MD5);
  });

  it("begins anew where it is another file by now, and goes on with that one", async () => {
    const other = Buffer.alloc(9 * MIB, "others, ");
    const second = { start: 0, etag: "two", bytes: other, breaksAfter: 5 * MIB } as const;
    const third = { etag: "two", bytes: other };
    const { asked, md5: got } = await fetched([{ breaksAfter: 5 * MIB }, second, third], new Notes());
    expect(asked).toEqual([undefined, 4 * MIB, 4 * MIB]);
    expect(got).toBe(md5(other));
  });

  it("takes no other number of bytes than was told, and takes its count back", async () => {
    let counted = 0;
    const from = scripted([{ bytes: BYTES.subarray(0, MIB) }]);
    const options = { size: MIB + 1, onBytes: (count: number) => (counted += count) };
    await expect(downloadInOrder(to, { ...from, attempt: (work) => work() }, options)).rejects.toThrow(
      `${String(MIB)} instead of ${String(MIB + 1)}`,
    );
    expect(counted).toBe(0);
  });
});
