import { ConfigError, DvcError, InvalidFileError, NotDvcRepoError } from "@holdfast/core";
import { describe, expect, it } from "vitest";
import { CommandFailure, markOpening, reportFailure } from "./exit.ts";
import { BrokenPipe, type TextStream } from "./render/streams.ts";
import { TextOutput } from "./render/text.ts";

function report(
  error: unknown,
  context?: string,
  loudness: { quiet?: boolean; verbose?: number } = {},
): { code: number; err: string } {
  let err = "";
  const stream = {
    isTty: false,
    write: (text: string) => void (err += text),
    flush: () => undefined,
  } as unknown as TextStream;
  const output = new TextOutput({ quiet: false, verbose: 0, env: {}, ...loudness }, stream, stream);
  return { code: reportFailure(error, context, output), err };
}

describe("reportFailure", () => {
  it("sorts failures that reach the top", () => {
    expect(report(new DvcError("no"))).toEqual({ code: 255, err: "ERROR: no\n" });
    expect(report(new NotDvcRepoError("nowhere"))).toEqual({ code: 253, err: "ERROR: nowhere\n" });
    expect(report(new ConfigError("bad"))).toEqual({
      code: 251,
      err: "ERROR: configuration error - config file error: bad\n",
    });
    expect(report(new BrokenPipe())).toEqual({ code: 141, err: "" });
    expect(report(new DOMException("stop", "AbortError"))).toEqual({
      code: 252,
      err: "ERROR: interrupted by the user\n",
    });
  });

  it("gives a command's own failure code 1 and its context", () => {
    const error = new ConfigError("config file error: no remote", { code: "no-remote" });
    expect(report(error, "failed to push")).toEqual({
      code: 1,
      err: "ERROR: failed to push - config file error: no remote\n",
    });
    expect(report(new DvcError("no"), "")).toEqual({ code: 1, err: "ERROR: no\n" });
    expect(report(new CommandFailure("failed to commit x", new DvcError("no")))).toEqual({
      code: 1,
      err: "ERROR: failed to commit x - no\n",
    });
  });

  it("never lets a command own a failure to open the project", () => {
    expect(report(markOpening(new NotDvcRepoError("nowhere")), "failed to push").code).toBe(253);
  });

  it("tells what to do when the system refuses, once", () => {
    const busy = { code: "EBUSY", errno: -16, syscall: "rename", path: "/a", dest: "/b" };
    const cause = Object.assign(new Error("EBUSY: resource busy or locked, rename '/a' -> '/b'"), busy);
    const said =
      "[Errno 16] Device or resource busy: '/a' -> '/b'\nSomething uses it: end that, then run the command again.\n";
    expect(report(cause).err).toBe(`ERROR: ${said}`);
    expect(report(new DvcError(cause.message, { cause }), "failed to push").err).toBe(
      `ERROR: failed to push - ${said}`,
    );
    const socket = Object.assign(new Error("x"), { code: "ENOTCONN", errno: -107, syscall: "shutdown" });
    expect(report(new DvcError("no answer", { cause: socket })).err).not.toContain("mounted");
  });

  it("joins causes and prints the system's errors as Python does", () => {
    const cause = Object.assign(new Error("x"), { code: "ENOENT", errno: -2, syscall: "open", path: "/x" });
    expect(report(new DvcError("output 'x' does not exist", { cause }), "").err).toBe(
      "ERROR: output 'x' does not exist: [Errno 2] No such file or directory: '/x'\n" +
        "It is not there, or was moved away while the command ran: look what is there, then run the command again.\n",
    );
  });

  it("prints what is wrong in a file without a prefix, and a hint after the text", () => {
    expect(report(new InvalidFileError("'./dvc.yaml' is invalid.", { file: "dvc.yaml" }))).toEqual({
      code: 255,
      err: "'./dvc.yaml' is invalid.\n",
    });
    expect(report(new DvcError("no", { hint: "Try yes." })).err).toBe("ERROR: no\nTry yes.\n");
  });

  it("tells of bugs with a footer, and with the stack only when asked", () => {
    const bug = new TypeError("x is undefined");
    expect(report(bug)).toEqual({
      code: 255,
      err: "ERROR: unexpected error - x is undefined\n\nHaving any troubles? Hit us up at https://dvc.org/support, we are always happy to help!\n",
    });
    expect(report(bug, undefined, { verbose: 1 }).err).toContain("exit.test.ts");
  });

  it("keeps quiet about expected failures under -q, with the same code", () => {
    expect(report(new DvcError("no"), "failed", { quiet: true })).toEqual({ code: 1, err: "" });
  });

  it("says what the machine refuses, and what to do, and sends nobody to somebody's support", () => {
    const codes = { ENOSPC: 28, EDQUOT: 122, EROFS: 30, EIO: 5, EACCES: 13, EPERM: 1, ENFILE: 23, ENOMEM: 12 };
    for (const [code, errno] of Object.entries(codes)) {
      const cause = Object.assign(new Error("x"), { code, errno: -errno, syscall: "write", path: "/x/y" });
      for (const error of [cause, new Error("wrapped", { cause })]) {
        const { code: exit, err } = report(error);
        expect([exit, err]).toEqual([
          255,
          expect.stringMatching(new RegExp(`^ERROR: .*\\[Errno ${String(errno)}\\] .+: '/x/y'\n`)),
        ]);
        expect(err).not.toMatch(/unexpected|troubles/);
        expect(err.split("\n").length).toBeGreaterThan(2);
      }
    }
    expect(report(new Error("a bug")).err).toContain("unexpected error - a bug");
  });
});
