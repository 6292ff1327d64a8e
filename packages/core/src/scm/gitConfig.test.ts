import { describe, expect, it } from "vitest";
import { parseGitConfig } from "./gitConfig.ts";

describe("parseGitConfig", () => {
  it("reads sections, names, quotes, escapes and comments as Git does", () => {
    const text = [
      "; comment",
      "[core]",
      '\texcludesFile = "~/my ignore" # theirs',
      "\tbare",
      '[submodule "a.b \\"q\\""]',
      "  path = sub\\",
      "dir",
      "[Merge] tool = x\\ty ; z",
    ].join("\n");
    expect([...parseGitConfig(text)]).toEqual([
      ["core.excludesfile", "~/my ignore"],
      ["core.bare", "true"],
      ['submodule.a.b "q".path', "subdir"],
      ["merge.tool", "x\ty"],
    ]);
  });
});
