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
