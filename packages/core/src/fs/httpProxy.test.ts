import { describe, expect, it } from "vitest";
import { proxyFor } from "./httpProxy.ts";

const hostOf = (env: Record<string, string>, scheme: "http" | "https" = "http", host = "s3.example.com"): unknown =>
  proxyFor(env, scheme, host, scheme === "http" ? "80" : "443")?.host;

describe("the proxy of the environment", () => {
  it("goes by the scheme of the request; small letters come first, empty ones mean none", () => {
    const env = { HTTP_PROXY: "http://large", http_proxy: "http://small:3128", HTTPS_PROXY: "other:8080" };
    expect(proxyFor(env, "http", "h", "80")).toEqual({
      host: "small",
      port: 3128,
      secure: false,
      authorization: undefined,
    });
    expect(proxyFor(env, "https", "h", "443")).toMatchObject({ host: "other", port: 8080, secure: false });
    expect(hostOf({ HTTP_PROXY: "http://large", http_proxy: "" })).toBeUndefined();
    expect(hostOf({ ALL_PROXY: "http://all" })).toBeUndefined();
    expect(hostOf({ HTTP_PROXY: "http://large", REQUEST_METHOD: "GET" })).toBeUndefined();
  });

  it.each([
    ["*", true],
    ["example.com", true],
    [".example.com", true],
    ["S3.Example.com", true],
    ["s3.example.com:80", true],
    ["s3.example.com:81", false],
    ["a, example.com ,b", true],
    ["ample.com", false],
    ["3.example.com", false],
    ["", false],
    [",", false],
  ])("is passed by for no_proxy=%s: %s", (list, isDirect) => {
    expect(hostOf({ http_proxy: "http://p", no_proxy: list })).toBe(isDirect ? undefined : "p");
  });

  it("may name a user, and an encrypted way", () => {
    expect(proxyFor({ https_proxy: "https://me:a%3Ab@[::1]" }, "https", "h", "443")).toEqual({
      host: "::1",
      port: 443,
      secure: true,
      authorization: `Basic ${Buffer.from("me:a:b").toString("base64")}`,
    });
  });

  it.each(["socks5://user:secret@p:1080", "http://", "http://a b"])("of another kind is refused: %s", (given) => {
    expect(() => hostOf({ http_proxy: given })).toThrow("the environment variable 'http_proxy' names no HTTP proxy");
    expect(() => hostOf({ http_proxy: given })).not.toThrow("secret");
  });
});
