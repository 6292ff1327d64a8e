import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { md5Bytes } from "./md5.ts";
import { SHORT, shortMd5 } from "./shortMd5.ts";

const reference = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");

describe("shortMd5", () => {
  it("agrees with OpenSSL for every length there is", () => {
    for (let length = 0; length <= SHORT; length++) {
      const bytes = Buffer.alloc(length);
      for (let i = 0; i < length; i++) bytes[i] = (i * 151 + length * 7) & 255;
      expect(shortMd5(bytes).toString("hex"), String(length)).toBe(reference(bytes));
    }
  });

  it("is what md5Bytes uses on both sides of its bound", () => {
    for (const length of [0, SHORT, SHORT + 1]) {
      const bytes = Buffer.alloc(length, "holdfast");
      expect(md5Bytes(bytes)).toBe(reference(bytes));
    }
  });
});
