import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { looksLikeText, md5Dos2Unix, md5File } from "./md5.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-md5-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const md5 = (bytes: string | Uint8Array): string => createHash("md5").update(bytes).digest("hex");
function fileOf(bytes: string | Uint8Array): string {
  const path = join(folder, "f");
  writeFileSync(path, bytes);
  return path;
}

describe("md5File", () => {
  it.each([0, 1, 4095, 4096, 524_287, 524_288, 524_289, 3_000_000])("hashes a file of %d bytes", (size) => {
    const bytes = Buffer.alloc(size, "holdfast");
    expect(md5File(fileOf(bytes))).toEqual({ md5: md5(bytes), size });
  });

  it("stops when aborted", () => {
    const path = fileOf("x");
    expect(() => md5File(path, { signal: AbortSignal.abort() })).toThrow(/abort/i);
  });
});

describe("md5Dos2Unix", () => {
  it("normalises text and leaves binary alone", () => {
    expect(md5Dos2Unix(fileOf("a\r\nb\r\n\rc\n"))).toEqual({ md5: md5("a\nb\n\rc\n"), size: 9 });
    const binary = Buffer.from("a\r\n\0b");
    expect(md5Dos2Unix(fileOf(binary)).md5).toBe(md5(binary));
    expect(md5Dos2Unix(fileOf("")).md5).toBe(md5(""));
  });

  it("decides for each MiB, and never joins a CR and an LF across the border", () => {
    const mib = 1024 * 1024;
    const text = Buffer.alloc(mib, "line\r\n");
    const binary = Buffer.alloc(mib, "\0\r\n");
    const tail = Buffer.from("end\r\n");
    const expected = Buffer.concat([
      Buffer.from(text.toString("latin1").replaceAll("\r\n", "\n"), "latin1"),
      binary,
      Buffer.from("end\n"),
    ]);
    expect(md5Dos2Unix(fileOf(Buffer.concat([text, binary, tail]))).md5).toBe(md5(expected));
    const border = Buffer.concat([Buffer.alloc(mib - 1, "a"), Buffer.from("\r\nb")]);
    expect(md5Dos2Unix(fileOf(border)).md5).toBe(md5(border));
  });

  it("counts as DVC does what is text", () => {
    expect(looksLikeText(Buffer.alloc(0))).toBe(true);
    expect(looksLikeText(Buffer.from("aaaaaaa\x01\x02\x03"))).toBe(true);
    expect(looksLikeText(Buffer.from("aaaaaa\x01\x02\x03\x04"))).toBe(false);
    expect(looksLikeText(Buffer.from("\b\t\n\f\r"))).toBe(true);
    expect(looksLikeText(Buffer.from("\v"))).toBe(false);
    expect(looksLikeText(Buffer.concat([Buffer.alloc(512, "a"), Buffer.alloc(9)]))).toBe(true);
  });
});
