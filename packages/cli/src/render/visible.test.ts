import { expect, it } from "vitest";
import { painted } from "./colour.ts";
import { visible } from "./visible.ts";

it("a file name commands no terminal, nor does it paint what is behind it", () => {
  const name = "a\x1b]0;title\x07\x1b[2Jb\r\u009b1mc\n\td";
  expect(visible(name)).toBe("a\\x1b]0;title\\x07\\x1b[2Jb\\x0d\\x9b1mc\n\td");
  expect(visible("\x1b[8mhidden")).toBe("\\x1b[8mhidden");
  expect(visible(painted("\x1b[8mhidden", "red"))).toBe("\x1b[31m\\x1b[8mhidden\x1b[39m");
});

it("what a program prints that the user runs keeps its colours, and nothing else", () => {
  expect(visible("\x1b[31mred\x1b[39m\x1b[2J", true)).toBe("\x1b[31mred\x1b[39m\\x1b[2J");
});

it("nor does it turn the text behind it around", () => {
  expect(visible("x\u202egpj.exe \u2066")).toBe("x\\u202egpj.exe \\u2066");
  expect(visible("\u05e9\u200f")).toBe("\u05e9\u200f");
});
