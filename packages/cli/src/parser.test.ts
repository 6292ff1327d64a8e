import { describe, expect, it } from "vitest";
import {
  appendChoice,
  choice,
  flag,
  int,
  many,
  maybe,
  one,
  optionalText,
  pairs,
  some,
  text,
  toggle,
  words,
} from "./command.ts";
import { commandOptions } from "./globals.ts";
import { type Grammar, parseWords } from "./parser.ts";

const grammar: Grammar = {
  options: {
    ...commandOptions,
    force: flag("-f/--force", ""),
    recursive: flag("-R/--recursive", ""),
    remote: text("-r/--remote", "<name>", ""),
    remoteJobs: int("--remote-jobs", "<n>", ""),
    runCache: toggle("--run-cache", ""),
    rev: optionalText("--rev", "<c>", ""),
    untracked: choice("--untracked-files", ["no", "all"], "", "no", { nargs: "?", const: "all" }),
    types: appendChoice("--type", ["metrics", "plots"], ""),
    targets: words("--targets", "<paths>", ""),
    settings: pairs("--settings", ""),
    json: flag("--json", "", { own: true }),
    jobs: int("-j/--jobs", "<n>", ""),
  },
  positionals: { names: many("") },
};
const parse = (...line: string[]): Record<string, unknown> => parseWords(grammar, line).values;
const failing =
  (...line: string[]): (() => unknown) =>
  () =>
    parseWords(grammar, line);

describe("options", () => {
  it("takes values after a space, after '=' and glued to a short flag", () => {
    for (const line of [["-r", "x"], ["-rx"], ["--remote", "x"], ["--remote=x"]])
      expect(parse(...line)["remote"]).toBe("x");
  });

  it("keeps '=' within a value", () => {
    expect(parse("--remote=a=b")["remote"]).toBe("a=b");
  });

  it("bundles short flags, the last of which may take a value", () => {
    expect(parse("-fRrx")).toMatchObject({ force: true, recursive: true, remote: "x" });
    expect(parse("-fj", "4")).toMatchObject({ force: true, jobs: 4 });
  });

  it("accepts unique prefixes and refuses ambiguous ones", () => {
    expect(parse("--forc")["force"]).toBe(true);
    expect(parse("--remote-j=3")["remoteJobs"]).toBe(3);
    expect(failing("--re")).toThrow("ambiguous option: --re could match --recursive, --remote, --remote-jobs, --rev");
  });

  it("prefers an exact name to longer ones, and DVC's options to ours", () => {
    expect(parse("--remote", "x")["remote"]).toBe("x");
    expect(parse("--j", "2")["jobs"]).toBe(2);
    expect(parse("--js")["json"]).toBe(true);
  });

  it("sets toggles on and off", () => {
    expect(parse("--run-cache")["runCache"]).toBe(true);
    expect(parse("--run-cache", "--no-run-cache")["runCache"]).toBe(false);
  });

  it("lets an optional value be left out", () => {
    expect(parse("--rev")["rev"]).toBeUndefined();
    expect(parse("--rev", "v1")["rev"]).toBe("v1");
    expect(parse()["untracked"]).toBe("no");
    expect(parse("--untracked-files")["untracked"]).toBe("all");
    expect(parse("--untracked-files", "--force")).toMatchObject({ untracked: "all", force: true });
  });

  it("collects lists, repeated options and pairs", () => {
    expect(parse("--targets", "a", "b", "-f")).toMatchObject({ targets: ["a", "b"], force: true });
    expect(parse("--targets")["targets"]).toEqual([]);
    expect(parse("--type", "plots", "--type=metrics")["types"]).toEqual(["plots", "metrics"]);
    expect(parse("--settings", "a=1", "b=2=3")["settings"]).toEqual({ a: "1", b: "2=3" });
  });

  it("counts how loud it should be, before and after positionals", () => {
    expect(parse("-v", "a", "-vv")["$verbose"]).toBe(3);
  });

  it("says what is wrong in argparse's words", () => {
    expect(failing("-r")).toThrow("argument -r/--remote: expected one argument");
    expect(failing("-j", "x")).toThrow("argument -j/--jobs: invalid int value: 'x'");
    expect(failing("--type", "x")).toThrow("argument --type: invalid choice: 'x' (choose from 'metrics', 'plots')");
    expect(failing("--force=1")).toThrow("argument -f/--force: ignored explicit argument '1'");
    expect(failing("-fz")).toThrow("argument -f/--force: ignored explicit argument 'z'");
    expect(failing("-q", "-v")).toThrow("argument -v/--verbose: not allowed with argument -q/--quiet");
  });

  it("hands unknown options back", () => {
    expect(parseWords(grammar, ["--bad", "a", "-z"]).extras).toEqual(["--bad", "-z"]);
  });

  it("stops at --help, whatever else is wrong", () => {
    const strict: Grammar = { options: commandOptions, positionals: { name: one("") } };
    expect(parseWords(strict, ["--help", "--bad"]).values["$help"]).toBe(true);
  });
});

describe("positionals", () => {
  it("takes everything after -- as it is", () => {
    expect(parse("a", "--", "-f", "--remote")).toMatchObject({ names: ["a", "-f", "--remote"], force: false });
  });

  it("takes negative numbers and words with spaces as values", () => {
    expect(parse("-5", "- x")["names"]).toEqual(["-5", "- x"]);
    expect(parse("-j", "-5")["jobs"]).toBe(-5);
  });

  it("gives required ones what they need first", () => {
    const move: Grammar = { options: {}, positionals: { src: some(""), dst: one("") } };
    expect(parseWords(move, ["a", "b", "c"]).values).toMatchObject({ src: ["a", "b"], dst: "c" });
  });

  it("names the missing ones", () => {
    const two: Grammar = {
      options: { sql: { ...text("--sql", "q", ""), required: true } },
      positionals: { name: one(""), url: one("") },
    };
    expect(() => parseWords(two, ["x"])).toThrow("the following arguments are required: --sql, url");
  });

  it("hands back those too many", () => {
    const single: Grammar = { options: {}, positionals: { name: maybe("") } };
    expect(parseWords(single, ["a", "b"])).toMatchObject({ values: { name: "a" }, extras: ["b"] });
  });

  it("leaves sub-commands to their own parser", () => {
    expect(parseWords({ ...grammar, stopAtPositional: true }, ["-f", "add", "-z"])).toMatchObject({
      rest: ["add", "-z"],
      values: { force: true },
    });
  });
});
