import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HeldFolders } from "../fs/heldFolders.ts";
import { LinkCopies } from "./linkCopies.ts";

let folder: string;
let held: HeldFolders;
let copies: LinkCopies;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "copies-")));
  mkdirSync(join(folder, "cache"));
  mkdirSync(join(folder, "data"));
  for (const name of ["a", "b"]) {
    writeFileSync(join(folder, "cache", name), name);
    chmodSync(join(folder, "cache", name), 0o444);
  }
  held = new HeldFolders(folder);
  copies = new LinkCopies(held);
});
afterEach(() => {
  held.close();
  rmSync(folder, { recursive: true });
});

const at = (name: string): string => join(folder, "data", name);
const object = (name: string): string => join(folder, "cache", name);
const looks = (name: string): [kind: string, links: number, text: string] => {
  const stat = lstatSync(at(name));
  return [stat.isSymbolicLink() ? "link" : "file", stat.nlink, readFileSync(at(name), "utf8")];
};

describe("copies take the places of links together", () => {
  it("once all are made", () => {
    symlinkSync(object("a"), at("one"));
    linkSync(object("b"), at("two"));
    linkSync(object("b"), at("three"));
    for (const name of ["one", "two", "three"]) copies.add(at(name), 0o644);
    expect(looks("one")[0]).toBe("link");
    copies.finish();
    expect(["one", "two", "three"].map(looks)).toEqual([
      ["file", 1, "a"],
      ["file", 1, "b"],
      ["file", 1, "b"],
    ]);
    expect(readdirSync(join(folder, "data")).sort()).toEqual(["one", "three", "two"]);
    expect(lstatSync(at("two")).mode & 0o777).toBe(0o644);
  });

  it("but not of what was put there, deleted or edited meanwhile", () => {
    for (const name of ["saved", "deleted", "relinked", "edited"])
      symlinkSync(object(name === "edited" ? "b" : "a"), at(name));
    for (const name of ["saved", "deleted", "relinked", "edited"]) copies.add(at(name), 0o644);
    for (const name of ["saved", "deleted", "relinked"]) rmSync(at(name));
    writeFileSync(at("saved"), "saved");
    symlinkSync(object("b"), at("relinked"));
    chmodSync(object("b"), 0o644);
    writeFileSync(object("b"), "edited");
    copies.finish();
    expect([looks("saved"), looks("relinked")[0], looks("edited")]).toEqual([
      ["file", 1, "saved"],
      "link",
      ["file", 1, "edited"],
    ]);
    expect(readdirSync(join(folder, "data")).sort()).toEqual(["edited", "relinked", "saved"]);
  });

  it("also when what the link led to is gone by then", () => {
    symlinkSync(object("a"), at("one"));
    copies.add(at("one"), 0o644);
    rmSync(object("a"));
    copies.finish();
    expect(looks("one")).toEqual(["file", 1, "a"]);
  });

  it("and leave nothing when they are given up", () => {
    symlinkSync(object("a"), at("one"));
    copies.add(at("one"), 0o644);
    copies.discard();
    expect(looks("one")[0]).toBe("link");
    expect(readdirSync(join(folder, "data"))).toEqual(["one"]);
  });
});
