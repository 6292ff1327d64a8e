import { expect, it } from "vitest";
import { visible } from "./visible.ts";

it("a file name commands no terminal", () => {
  const name = "a\x1b]0;title\x07\x1b[2Jb\r\u009b1mc\n\td";
  expect(visible(name, true)).toBe("a\\x1b]0;title\\x07\\x1b[2Jb\\x0d\\x9b1mc\n\td");
  expect(visible("\x1b[31mred\x1b[39m", true)).toBe("\x1b[31mred\x1b[39m");
  expect(visible("\x1b[31mred", false)).toBe("\\x1b[31mred");
});

it("nor does it turn the text behind it around", () => {
  expect(visible("x\u202egpj.exe \u2066", false)).toBe("x\\u202egpj.exe \\u2066");
  expect(visible("\u05e9\u200f", true)).toBe("\u05e9\u200f");
});
