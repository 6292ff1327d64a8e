import { describe, expect, it } from "vitest";
import { signOssV1, signOssV4 } from "./ossSign.ts";

describe("signatures of OSS", () => {
  // The example that Alibaba's own SDKs are tested with.
  it("version 4", () => {
    const headers: Record<string, string> = {
      "x-oss-head1": "value",
      abc: "value",
      zabc: "value",
      xyz: "value",
      "content-type": "text/plain",
    };
    const query = "param1=value1&%2Bparam1=value3&%7Cparam1=value4&%2Bparam2&%7Cparam2&param2";
    const request = { method: "PUT", resource: "/bucket/1234%2B-/123/1.txt", query, headers };
    signOssV4(request, { id: "ak", secret: "sk" }, "cn-hangzhou", new Date(1_702_743_657_000));
    expect(headers["authorization"]).toBe(
      "OSS4-HMAC-SHA256 Credential=ak/20231216/cn-hangzhou/oss/aliyun_v4_request,Signature=e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe",
    );
    expect(headers).toMatchObject({ "x-oss-date": "20231216T162057Z", "x-oss-content-sha256": "UNSIGNED-PAYLOAD" });
    signOssV4(request, { id: "ak", secret: "sk", token: "token" }, "cn-hangzhou", new Date(1_702_784_856_000));
    expect(headers["authorization"]).toContain(
      "Signature=b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea",
    );
  });

  // The example of the service's documentation.
  it("version 1", () => {
    const headers: Record<string, string> = {
      "content-md5": "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM=",
      "content-type": "text/html",
      "x-oss-magic": "abracadabra",
      "x-oss-meta-author": "foo@bar.com",
    };
    const keys = { id: "44CF9590006BF252F707", secret: "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV" };
    const request = { method: "PUT", resource: "/oss-example/nelson", query: "list-type=2", headers };
    signOssV1(request, keys, new Date("Thu, 17 Nov 2005 18:49:58 GMT"));
    expect(headers["authorization"]).toBe("OSS 44CF9590006BF252F707:26NBxoKdsyly4EDv6inkoDft/yA=");
  });
});
