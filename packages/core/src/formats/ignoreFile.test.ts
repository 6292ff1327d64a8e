import { expect, test } from "vitest";
import { IgnorePatterns } from "./ignoreFile.ts";

test("the last rule that matches decides, and is named", () => {
  const rules = new IgnorePatterns("# logs\n*.log\n\n!keep.log\n", ".dvcignore");
  expect(rules.match("a.log", false)).toMatchObject({ ignored: true, pattern: "*.log", line: 2 });
  expect(rules.match("sub/keep.log", false)).toMatchObject({ ignored: false, pattern: "!keep.log", line: 4 });
  expect(rules.match("a.txt", false)).toBeUndefined();
});

test("folder rules leave files alone", () => {
  const rules = new IgnorePatterns("build/\n", ".dvcignore");
  expect(rules.match("build", false)).toBeUndefined();
  expect(rules.match("x/build", true)?.ignored).toBe(true);
});

test("a pattern that would make a regular expression backtrack takes no time", () => {
  const rules = new IgnorePatterns(`${"*a".repeat(40)}b\n${"**/x*/".repeat(20)}y`, ".dvcignore");
  const started = performance.now();
  expect(rules.match(`${"a".repeat(200)}/${"xa/".repeat(200)}z`, false)).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(2000);
});

test("rules that are no valid pattern are passed over", () => {
  expect(new IgnorePatterns("[a\nfoo\\\n[z-a]\n/\n", ".dvcignore").isEmpty).toBe(true);
});

test("rules that name one path go by their line among the others", () => {
  const rules = new IgnorePatterns("/data.csv\n*.csv\n!/sub/keep.csv\n/build/\n!build/x\n/build\n", ".gitignore", true);
  expect(rules.match("data.csv", false)).toMatchObject({ ignored: true, line: 2 });
  expect(rules.match("data.csv/below", true)).toMatchObject({ line: 2 });
  expect(rules.match("sub/keep.csv", false)).toMatchObject({ ignored: false, line: 3 });
  expect(rules.match("other/data", false)).toBeUndefined();
  expect(rules.match("build/x", false)).toMatchObject({ ignored: true, line: 6 });
  expect(new IgnorePatterns("/build/\n", ".gitignore").match("build", false)).toBeUndefined();
  expect(new IgnorePatterns("/build/\n", ".gitignore").match("build", true)).toMatchObject({ line: 1 });
});
