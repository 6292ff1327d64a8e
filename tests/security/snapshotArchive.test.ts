import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TAR_END, tarHeader, tarPadding } from "../../packages/core/src/snapshots/tar.ts";
import { refuses } from "../support/hostile.ts";
import { filesUnder } from "../support/killing.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
  rig.write("data/a", "a1");
  rig.write("model.pkl", "model 1");
  rig.write("train.py", "1\n");
  rig.ok("add", "-q", "data", "model.pkl");
  rig.git("add", "train.py");
  rig.ok("snapshot", "save", "--tag", "v1.0");
});
afterEach(() => {
  rig.close();
});

const file = (name: string, text: string): Buffer =>
  Buffer.concat([
    tarHeader({ name, type: "file", size: Buffer.byteLength(text) }),
    Buffer.from(text),
    tarPadding(Buffer.byteLength(text)),
  ]);
const link = (name: string, target: string): Buffer => tarHeader({ name, type: "link", size: 0, target });

/** An entry of another type: a device, a pipe, a folder. */
function typed(type: string, name: string, target = ""): Buffer {
  const block = tarHeader({ name, type: "link", size: 0, target });
  block.write(type, 156, "latin1");
  return summed(block);
}

/** A record of an extended header. */
function extended(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  const digits = String(Buffer.byteLength(rest) + String(Buffer.byteLength(rest) + 4).length);
  const text = Buffer.from(`${digits}${rest}`);
  const block = tarHeader({ name: "pax", type: "file", size: text.length });
  block.write("x", 156, "latin1");
  return Buffer.concat([summed(block), text, tarPadding(text.length)]);
}

function summed(block: Buffer): Buffer {
  block.write("        ", 148, "latin1");
  const sum = block.reduce((total, one) => total + one, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** An archive of the real header, with more counted in it than there is, and these entries. */
function forge(...entries: readonly Buffer[]): string {
  rig.ok("snapshot", "export", "v1.0", "real.tar", "-f");
  const real = readFileSync(rig.path("real.tar"));
  const size = Number.parseInt(real.toString("latin1", 124, 135), 8);
  const header = JSON.parse(real.toString("utf8", 512, 512 + size)) as Record<string, unknown>;
  const text = JSON.stringify({ ...header, code: 99, codeBytes: 9999, objects: 99, bytes: 9999 });
  writeFileSync(rig.path("forged.tar"), Buffer.concat([file("snapshot.json", text), ...entries, TAR_END]));
  return "forged.tar";
}

it.each(["tar.zst", "tar.gz", "tar"])(
  "an archive (%s) gives back commit, tag, code and data, and is the same each time",
  (ending) => {
    rig.ok("snapshot", "export", "v1.0", `../one.${ending}`);
    rig.ok("snapshot", "export", "v1.0", `../two.${ending}`);
    expect(readFileSync(rig.path(`../one.${ending}`)).equals(readFileSync(rig.path(`../two.${ending}`)))).toBe(true);
    expect(rig.run(["snapshot", "export", "v1.0", `../two.${ending}`]).err).toContain("exists already");
    rig.ok("snapshot", "import", `../one.${ending}`, "../back");
    expect(rig.git("-C", "../back", "rev-parse", "HEAD")).toBe(rig.git("rev-parse", "v1.0^{commit}"));
    expect(rig.git("-C", "../back", "rev-parse", "v1.0")).toBe(rig.git("rev-parse", "v1.0"));
    expect(rig.git("-C", "../back", "status", "--porcelain")).toBe("");
    expect([rig.read("../back/data/a"), rig.read("../back/model.pkl")]).toEqual(["a1", "model 1"]);
    expect(rig.run(["status"], { cwd: "../back" }).out).toContain("up to date");
    expect(rig.run(["snapshot", "import", `../one.${ending}`, "../back"]).err).toContain("no empty folder");
  },
);

it.each([
  ["leaves the folder", () => [file("code/../../evil", "x")]],
  ["is absolute", () => [file("code//etc/evil", "x")]],
  ["writes into .git", () => [file("code/.git/hooks/post-checkout", "x")]],
  ["writes into .GIT of a sub-folder", () => [file("code/a/.GIT/config", "x")]],
  ["brings a person's own settings", () => [file("code/.dvc/config.local", "x")]],
  ["brings a cache of its own", () => [file("code/.dvc/cache/files/md5/aa/x", "x")]],
  ["writes through a link", () => [link("code/out", "../.."), file("code/out/evil", "x")]],
  ["names a file twice", () => [file("code/train.py", "1\n"), file("code/train.py", "2\n")]],
  ["has other entries", () => [file("evil", "x")]],
  ["has data under a wrong name", () => [file("data/files/md5/aa/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x")]],
  ["holds less than it says", () => []],
  ["holds more than it says", () => [file("code/big", "x".repeat(10_000))]],
  ["has a link that is a device", () => [typed("3", "code/null")]],
  ["has a pipe", () => [typed("6", "code/pipe")]],
  ["has a hard link", () => [typed("1", "code/hard", "code/train.py")]],
  ["has a folder entry", () => [typed("5", "code/dir/")]],
  ["names its paths in an extended header", () => [extended("path", "code/../../evil"), file("code/x", "x")]],
  ["says a size that is none", () => [extended("size", "-1"), file("code/x", "x")]],
  ["says a size beyond all", () => [extended("size", "9".repeat(400)), file("code/x", "x")]],
  ["has no end of extended headers", () => Array.from({ length: 200 }, () => extended("comment", "x".repeat(60)))],
  ["has a name with a NUL", () => [extended("path", "code/a\0b"), file("code/x", "x")]],
  ["has a name of 5000 letters", () => [file(`code/${"n".repeat(5000)}`, "x")]],
  ["writes into a submodule of its own", () => [file("code/sub/.git", "gitdir: /etc\n")]],
  [
    "leads a link out and writes a pointer file below",
    () => [link("code/d", "/tmp"), file("code/d/x.dvc", "outs: []\n")],
  ],
] as const)("an archive that %s is refused and leaves nothing behind", (_what, entries) => {
  const archive = forge(...entries());
  const before = readdirSync(join(rig.dir, "..")).sort();
  const ran = rig.run(["snapshot", "import", archive, "../back"]);
  expect([ran.code, ran.err]).toEqual([255, expect.stringMatching(/unsafe path|damaged/)]);
  expect(ran.err).not.toContain("unexpected error");
  expect(readdirSync(join(rig.dir, "..")).sort()).toEqual(before);
  expect(existsSync("/etc/evil")).toBe(false);
});

/** A zstd frame with a window of 2^exponent KiB, of blocks that each repeat a byte 128 Ki times. */
function bomb(exponent: number, blocks: number): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, exponent << 3]);
  const block = (isLast: boolean): Buffer => {
    const value = (131_072 << 3) | (1 << 1) | (isLast ? 1 : 0);
    return Buffer.from([value & 255, (value >> 8) & 255, (value >> 16) & 255, 0]);
  };
  return Buffer.concat([head, ...Array.from({ length: blocks }, (_, at) => block(at === blocks - 1))]);
}

it.each([
  ["asks for a window of 2 GB", () => bomb(21, 4)],
  ["becomes 64 GB of nothing", () => Buffer.concat(Array.from({ length: 8 }, () => bomb(10, 65_536)))],
] as const)("a zstd archive that %s is refused soon, in little memory", (_what, make) => {
  rig.write("bomb.tar.zst", make());
  refuses(rig, ["snapshot", "import", "bomb.tar.zst", "../back"], "bomb");
});

it("an archive that says it holds more than the disk has room for is refused before it is begun", () => {
  const archive = forge();
  const bytes = readFileSync(rig.path(archive));
  const size = Number.parseInt(bytes.toString("latin1", 124, 135), 8);
  const header = JSON.parse(bytes.toString("utf8", 512, 512 + size)) as Record<string, unknown>;
  const text = JSON.stringify({ ...header, bytes: 2 ** 52 });
  writeFileSync(rig.path("large.tar"), Buffer.concat([file("snapshot.json", text), TAR_END]));
  expect(rig.run(["snapshot", "import", "large.tar", "../back"]).err).toContain("are free here");
  expect(existsSync(rig.path("../back"))).toBe(false);
});

it("an object that was damaged is no part of an archive", () => {
  rig.ok("snapshot", "export", "v1.0", "real.tar");
  const object = filesUnder(rig.path(".dvc/cache/files/md5")).find((path) => readFileSync(path, "utf8") === "model 1");
  const path = object ?? "";
  const bytes = Buffer.from("model 2");
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
  chmodSync(path, 0o444);
  const ran = rig.run(["snapshot", "export", "v1.0", "damaged.tar"]);
  expect([ran.code, ran.err]).toEqual([255, expect.stringContaining("is damaged")]);
  expect(existsSync(rig.path("damaged.tar"))).toBe(false);
});

it("code that is not that of the commit, and bits that flipped, are found", () => {
  rig.ok("snapshot", "export", "v1.0", "real.tar");
  const real = readFileSync(rig.path("real.tar"));
  for (const [text, other] of [
    ["1\n", "2\n"],
    ["model 1", "model 2"],
  ] as const) {
    const bytes = Buffer.from(real);
    const at = bytes.indexOf(Buffer.concat([Buffer.from(text), Buffer.alloc(64)]), 512);
    bytes.write(other, at);
    writeFileSync(rig.path("other.tar"), bytes);
    expect(rig.run(["snapshot", "import", "other.tar", "../back"]).err).toContain("damaged");
  }
  for (const end of [real.length - 2000, 600, 0]) {
    writeFileSync(rig.path("short.tar"), real.subarray(0, end));
    expect(rig.run(["snapshot", "import", "short.tar", "../back"]).err).toContain("damaged");
  }
  expect(existsSync(rig.path("../back"))).toBe(false);
});
