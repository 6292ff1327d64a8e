import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError, UnsafePathError } from "../base/errors.ts";
import { md5Bytes } from "../hash/md5.ts";
import { scanManifest } from "./treeScan.ts";
import { Tree } from "./tree.ts";

const A = "60b725f10c9c85c70d97880dfe8191b3";
const B = "2cd6ee2c70b0bde53fbe6cac3c8b8bb1";
const tree = (...paths: string[]): Tree => Tree.from(paths.map((relpath) => ({ relpath, md5: A })));
const manifest = (...paths: string[]): Buffer =>
  Buffer.from(`[${paths.map((path) => `{"md5": "${A}", "relpath": ${JSON.stringify(path)}}`).join(", ")}]`);

describe("Tree", () => {
  it("spells and names manifests as DVC does", () => {
    // Recorded from DVC 3.67.1: `dvc add` of a folder with these files.
    const recorded = `[{"md5": "${A}", "relpath": "a"}, {"md5": "${A}", "relpath": "la"}, {"md5": "${B}", "relpath": "sub/c"}]`;
    const made = Tree.from([
      { relpath: "sub/c", md5: B, size: 2 },
      { relpath: "la", md5: A },
      { relpath: "a", md5: A },
    ]);
    expect(made.serialize().toString()).toBe(recorded);
    expect(made.oid).toBe("46f2fc8bf2a04ac6a878e21128549d2f.dir");
    expect(tree().oid).toBe("d751713988987e9331980363e24189ce.dir");
  });

  it("sorts by code point and escapes as Python's json does", () => {
    // python: sorted() and json.dumps() of the same names.
    const made = tree("\u{1f600}", "\uffee", "é", 'q"\\', "tab\t", "del\x7f", "a/b", "a-b");
    expect(made.entries.map((entry) => entry.relpath)).toEqual([
      "a-b", "a/b", "del\x7f", 'q"\\', "tab\t", "é", "\uffee", "\u{1f600}",
    ]); // prettier-ignore
    const text = made.serialize().toString("latin1");
    expect(text).toContain('"relpath": "\\ud83d\\ude00"');
    expect(text).toContain('"relpath": "\\u00e9"');
    expect(text).toContain('"relpath": "del\\u007f"');
    expect(text).toContain('"relpath": "tab\\t"');
    expect(text).toContain('"relpath": "q\\"\\\\"');
    expect(Tree.parse(made.serialize(), "x").entries).toEqual(made.entries);
  });

  it("reads DVC's spelling by the scanner and any other JSON by the parser, with one result", () => {
    const plain = manifest("a", "b/c", "b.d");
    expect(scanManifest(plain, () => undefined)).toBeDefined();
    const other = Buffer.from(JSON.stringify(JSON.parse(plain.toString()), null, 1));
    expect(scanManifest(other, () => undefined)).toBeUndefined();
    expect(Tree.parse(other, "x").entries).toEqual(Tree.parse(plain, "x").entries);
    expect(Tree.parse(plain, "x").entries.map((entry) => entry.relpath)).toEqual(["a", "b.d", "b/c"]);
  });

  it.each(["../x", "/x", "a/../b", "a//b", "a/", "", ".", "a/.git/x", "a/.DVC", "git~1/x", "C:/x", "nul\0"])(
    "refuses the path %j, in either spelling",
    (path) => {
      expect(() => Tree.parse(manifest("ok", path), "m")).toThrow(UnsafePathError);
      expect(() => Tree.parse(Buffer.concat([manifest("ok", path), Buffer.from(" ")]), "m")).toThrow(UnsafePathError);
    },
  );

  it("refuses duplicates and files that are folders", () => {
    expect(() => Tree.parse(manifest("a", "a"), "m")).toThrow(/stands twice/);
    expect(() => Tree.parse(manifest("b", "a", "b"), "m")).toThrow(/stands twice/);
    expect(() => Tree.parse(manifest("a", "a-b", "a/b"), "m")).toThrow(/both a file and a folder/);
    expect(() => tree("a/b/c", "a")).toThrow(/both a file and a folder/);
    expect(() => Tree.parse(manifest("a-b", "a/b", "a.b"), "m")).not.toThrow();
  });

  it.each([
    "",
    "{}",
    "[",
    '[{"md5": "zz", "relpath": "a"}]',
    '[{"relpath": "a"}]',
    "[1]",
    `[{"md5": "${A}"}]`,
    "[null]",
  ])("refuses %j", (text) => {
    expect(() => Tree.parse(Buffer.from(text), "m")).toThrow(FormatError);
  });

  it("refuses bytes that are not UTF-8", () => {
    const bytes = Buffer.concat([
      Buffer.from(`[{"md5": "${A}", "relpath": "`),
      Buffer.from([0xff]),
      Buffer.from('"}]'),
    ]);
    expect(() => Tree.parse(bytes, "m")).toThrow(FormatError);
  });

  it("finds files and folders", () => {
    const made = tree("a", "b/c", "b/d/e", "b-x", "z");
    expect(made.get("b/c")?.md5).toBe(A);
    expect(made.get("b")).toBeUndefined();
    expect([made.hasFolder("b"), made.hasFolder("b/d"), made.hasFolder("a"), made.hasFolder("")]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect(made.under("b").map((entry) => entry.relpath)).toEqual(["b/c", "b/d/e"]);
    expect(made.under("a").map((entry) => entry.relpath)).toEqual(["a"]);
  });

  it("patches", () => {
    const made = tree("a", "b/c", "b/d").with({ remove: ["b"], put: [{ relpath: "a", md5: B }, { relpath: "n/m", md5: B }] }); // prettier-ignore
    expect(made.entries).toEqual([
      { relpath: "a", md5: B },
      { relpath: "n/m", md5: B },
    ]);
    expect(tree("a").with({ remove: ["nope"] }).oid).toBe(tree("a").oid);
  });

  it("keeps any set of names through a round trip", () => {
    const name = fc.string({ unit: "binary", minLength: 1, maxLength: 12 }).filter((text) => {
      try {
        Tree.from([{ relpath: text, md5: A }]);
        return !text.includes("/");
      } catch {
        return false;
      }
    });
    fc.assert(
      fc.property(fc.uniqueArray(name), (names) => {
        const made = tree(...names);
        const again = Tree.parse(made.serialize(), "x");
        expect(again.entries).toEqual(made.entries);
        expect(again.oid).toBe(`${md5Bytes(made.serialize())}.dir`);
        const points = (text: string): number[] => Array.from(text, (c) => c.codePointAt(0) ?? 0);
        for (let i = 1; i < names.length; i++) {
          const [x, y] = [points(made.entries[i - 1]?.relpath ?? ""), points(made.entries[i]?.relpath ?? "")];
          const at = x.findIndex((c, k) => c !== y[k]);
          expect(at < 0 || at >= y.length ? x.length < y.length : (x[at] ?? 0) < (y[at] ?? 0)).toBe(true);
        }
      }),
    );
  });
});
