import fc from "fast-check";
import { expect, it } from "vitest";
import { Tree } from "../odb/tree.ts";
import { type DataRoot, diffRoots } from "./entries.ts";

const files = fc.dictionary(
  fc.constantFrom("a", "b", "b.x", "b/c", "d", "e/f", "\u{1f600}", "\uff5e", "z"),
  fc.constantFrom("0".repeat(32), "1".repeat(32), "2".repeat(32)),
);

function rootOf(record: Record<string, string>): DataRoot {
  const entries = Object.entries(record)
    .filter(([relpath]) => relpath !== "b" || record["b/c"] === undefined)
    .map(([relpath, md5]) => ({ relpath, md5 }));
  const tree = Tree.from(entries);
  return { key: "data", isDir: true, hash: tree.oid, tree: () => tree };
}

const filesOf = (root: DataRoot): Map<string, string> =>
  new Map(root.tree?.()?.entries.map(({ relpath, md5 }) => [`data/${relpath}`, md5]));

it("tells of each file exactly once how it differs", () => {
  fc.assert(
    fc.property(files, files, fc.boolean(), (old, now, unchanged) => {
      const [before, after] = [rootOf(old), rootOf(now)];
      const options = { granular: true, unchanged, renames: false };
      const diff = diffRoots(new Map([["data", before]]), new Map([["data", after]]), options);
      const [had, has] = [filesOf(before), filesOf(after)];
      const listed = (items: readonly { readonly path: string }[]): string[] =>
        items.map(({ path }) => path).filter((path) => path !== "data/");
      const those = (wanted: (path: string) => boolean): string[] =>
        [...new Set([...had.keys(), ...has.keys()])].filter((path) => wanted(path)).sort();
      expect(listed(diff.added).sort()).toEqual(those((path) => !had.has(path)));
      expect(listed(diff.deleted).sort()).toEqual(those((path) => !has.has(path)));
      expect(listed(diff.modified).sort()).toEqual(
        those((path) => had.has(path) && has.has(path) && had.get(path) !== has.get(path)),
      );
      expect(listed(diff.unchanged).sort()).toEqual(unchanged ? those((path) => had.get(path) === has.get(path)) : []);
    }),
  );
});
