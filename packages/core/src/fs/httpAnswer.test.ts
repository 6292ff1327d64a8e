import { describe, expect, it } from "vitest";
import { AnswerReader, AnswerTooLongError, type BodySink } from "./httpAnswer.ts";

interface Options {
  readonly isHead?: boolean;
  readonly sink?: BodySink;
}

/** The answer in `text`, delivered whole or by pieces of `step` bytes through one buffer that is used again. */
function read(text: string, { isHead = false, sink }: Options = {}, step: number = text.length): AnswerReader {
  const reader = new AnswerReader(isHead, sink === undefined ? undefined : () => sink);
  const all = Buffer.from(text, "latin1");
  const buffer = Buffer.alloc(step);
  for (let at = 0; at < all.length; at += step) {
    const piece = buffer.subarray(0, all.copy(buffer, 0, at, at + step));
    if (reader.push(piece)) break;
  }
  return reader;
}

const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const KNOWN: readonly (readonly [string, string, string])[] = [
  ["a known length", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nETag: x\r\n\r\nhello there", "hello there"],
  ["chunks", `${CHUNKED}5\r\nhello\r\n6;name=value\r\n there\r\n0\r\n\r\n`, "hello there"],
  ["chunks with trailers", `${CHUNKED}B\r\nhello there\r\n0\r\nx-sum: 1\r\nx-more: 2\r\n\r\n`, "hello there"],
  ["no body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""],
  ["204", "HTTP/1.1 204 No Content\r\n\r\n", ""],
  ["304 that tells a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 11\r\n\r\n", ""],
  [
    "interim answers first",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: a\r\n\r\nHTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi",
    "hi",
  ],
  ["the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nhi", "hi"],
];

describe("AnswerReader", () => {
  it.each(KNOWN)("reads %s, whole and byte by byte, and keeps the connection", (_name, text, body) => {
    for (const step of [text.length, 1, 3, 7]) {
      const answer = read(text, {}, step);
      expect([answer.complete, answer.keepAlive, answer.body.toString()]).toEqual([true, true, body]);
    }
  });

  it("takes no body for HEAD", () => {
    const answer = read("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", { isHead: true });
    expect([answer.complete, answer.keepAlive, answer.headers["content-length"]]).toEqual([true, true, "99"]);
  });

  it.each([
    ["behind a body", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n"],
    ["behind the head of a 204", "HTTP/1.1 204 No Content\r\n\r\nx"],
    ["behind the last chunk", `${CHUNKED}0\r\n\r\nx`],
  ])("does not keep a connection with bytes %s", (_name, text) => {
    const answer = read(text);
    expect([answer.complete, answer.keepAlive]).toEqual([true, false]);
    expect(answer.body.toString()).not.toContain("HTTP");
  });

  it.each([
    ["HTTP/1.1", "close"],
    ["HTTP/1.1", "Keep-Alive, Close"],
    ["HTTP/1.0", "upgrade"],
  ])("does not keep a connection of %s with 'Connection: %s'", (version, connection) => {
    const answer = read(`${version} 200 OK\r\nConnection: ${connection}\r\nContent-Length: 1\r\n\r\nx`);
    expect([answer.complete, answer.keepAlive]).toEqual([true, false]);
  });

  it("keeps one of HTTP/1.0 that says so", () => {
    expect(read("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx").keepAlive).toBe(true);
  });

  it("reads a body without a length up to the end of the connection", () => {
    const answer = read("HTTP/1.1 200 OK\r\n\r\nhello");
    expect(answer.complete).toBe(false);
    expect(answer.endOfConnection()).toBe(true);
    expect([answer.complete, answer.keepAlive, answer.body.toString()]).toEqual([true, false, "hello"]);
  });

  it("knows an answer that the end of the connection cut short", () => {
    for (const [, text] of KNOWN.slice(0, 3)) {
      for (let cut = 0; cut < text.length; cut++) expect(read(text.slice(0, cut)).endOfConnection()).toBe(false);
    }
  });

  it("is untouched until the first byte, whatever that is", () => {
    expect(new AnswerReader(false, undefined).isUntouched).toBe(true);
    expect(read("H").isUntouched).toBe(false);
    expect(read("HTTP/1.1 100 Continue\r\n\r\n").isUntouched).toBe(false);
    expect(read("HTTP/1.1 200 OK\r\n\r\n").isUntouched).toBe(false);
  });

  it("gives good bodies to the sink and stops when that has enough; bodies of errors are collected", () => {
    let seen = "";
    const sink: BodySink = (chunk) => (seen += chunk.toString()).length < 4;
    const answer = read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcdefghi", { sink }, 1);
    expect([seen, answer.complete, answer.body.length]).toEqual(["abcd", false, 0]);
    seen = "";
    expect(read("HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nwhy", { sink }).body.toString()).toBe("why");
    expect(seen).toBe("");
  });

  it("keeps a mebibyte of an error's body at most, and waits for no more", () => {
    const answer = read(
      `HTTP/1.1 500 Oh\r\nContent-Length: ${String(3 << 20)}\r\n\r\n${"x".repeat(3 << 20)}`,
      {},
      1 << 16,
    );
    expect(answer.complete).toBe(false);
    expect(answer.body.length).toBeLessThanOrEqual(1 << 20);
  });

  it("refuses to collect more than any manifest has, and says so before it came when that is declared", () => {
    const length = String((1 << 29) + 1);
    expect(() => read(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\nx`)).toThrow(AnswerTooLongError);
    expect(read(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`, { isHead: true }).complete).toBe(true);
  });

  it.each([
    ["other protocols", "SSH-2.0-OpenSSH\r\n\r\n"],
    ["HTTP/2", "HTTP/2 200\r\n\r\n"],
    ["a change of protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"],
    ["endless interim answers", "HTTP/1.1 100 Continue\r\n\r\n".repeat(40)],
    ["an endless head", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(20_000)}`],
    ["one endless header", `HTTP/1.1 200 OK\r\na: ${"b".repeat(70_000)}`],
    ["a line without a colon", "HTTP/1.1 200 OK\r\nhello\r\n\r\n"],
    ["a folded line", "HTTP/1.1 200 OK\r\na: b\r\n c: d\r\n\r\n"],
    ["a blank before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello"],
    ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"],
    ["a signed length", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx"],
    ["a huge length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"],
    ["no number for a length", "HTTP/1.1 200 OK\r\nContent-Length: 0x10\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"],
    ["a length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["another encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
    ["two encodings", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n"],
    ["a chunk without a size", `${CHUNKED}\r\n`],
    ["a negative chunk", `${CHUNKED}-5\r\nhello\r\n`],
    ["a huge chunk", `${CHUNKED}ffffffffffffffff\r\n`],
    ["a chunk longer than it says", `${CHUNKED}2\r\nhello\r\n`],
    ["an endless size", `${CHUNKED}1;${"x".repeat(70_000)}`],
    ["endless trailers", `${CHUNKED}0\r\n${"a: b\r\n".repeat(20_000)}`],
  ])("refuses %s", (_name, text) => {
    expect(() => read(text)).toThrow(/not HTTP|too long|no number|not known|two different/);
    expect(() => read(text, {}, 1000)).toThrow();
  });
});
