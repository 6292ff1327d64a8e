import { describe, expect, it } from "vitest";
import { encodeKey, encodeQuery, EMPTY_SHA256, S3Signer } from "./s3Sign.ts";

// The examples of "Signature Calculations for the Authorization Header" in the Amazon S3 API reference.
const keys = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };
const now = new Date("2013-05-24T00:00:00Z");

function signature(path: string, query: string, extra: Record<string, string> = {}): string {
  const headers: Record<string, string> = { host: "examplebucket.s3.amazonaws.com", ...extra };
  new S3Signer().sign({ method: "GET", path, query, headers, payload: EMPTY_SHA256 }, keys, "us-east-1", now);
  return /Signature=(.*)/.exec(headers["authorization"] ?? "")?.[1] ?? "";
}

describe("S3Signer", () => {
  it("signs as the reference does", () => {
    expect(signature("/test.txt", "", { range: "bytes=0-9" })).toBe(
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    expect(signature("/", "lifecycle=")).toBe("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    expect(signature("/", encodeQuery({ prefix: "J", "max-keys": "2", absent: undefined }))).toBe(
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    );
  });

  it("escapes keys byte by byte but not their slashes", () => {
    expect(encodeKey("a/b c+ü!'()*.txt")).toBe("a/b%20c%2B%C3%BC%21%27%28%29%2A.txt");
    expect(encodeKey("files/md5/aa/bb.dir")).toBe("files/md5/aa/bb.dir");
  });
});
