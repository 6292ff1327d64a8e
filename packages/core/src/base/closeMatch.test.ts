import { expect, it } from "vitest";
import { closeMatch } from "./closeMatch.ts";

// As Python's difflib.get_close_matches(word, names)[0].
it("finds the name that is meant", () => {
  expect(closeMatch("d", ["d1", "d2"])).toBe("d2");
  expect(closeMatch("catz", ["dogs", "cats", "cat"])).toBe("cat");
  expect(closeMatch("appel", ["ape", "apple", "peach", "puppy"])).toBe("apple");
  expect(closeMatch("nope", ["d1", "d2"])).toBeUndefined();
  expect(closeMatch("x", [])).toBeUndefined();
});
