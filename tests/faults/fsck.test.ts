import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { flip, shorten } from "../support/damage.ts";
import { Rig } from "../support/rig.ts";

interface Finding {
  readonly oid: string;
  readonly problem: string;
  readonly where: string;
  readonly path?: string;
  readonly quarantined?: string;
  readonly repairedFrom?: string;
}
interface Report {
  readonly ok: boolean;
  readonly unread: readonly { name: string; reason: string }[];
  readonly stores: readonly {
    name: string;
    objects: number;
    bytes: number;
    findings: readonly Finding[];
    continuedFrom?: string;
  }[];
}

let rig: Rig;

beforeEach(() => {
  rig = new Rig().project();
  rig.ok("remote", "add", "-q", "-d", "store", rig.path("../remote"));
  for (const name of ["a", "b", "sub/c"]) rig.write(`data/${name}`, `content of ${name}`);
  rig.write("one", "a single file");
  rig.ok("add", "-q", "data", "one");
  rig.ok("push", "-q");
});

afterEach(() => {
  rig.close();
});

const CACHE = ".dvc/cache/files/md5";
const REMOTE = "../remote/files/md5";

function objectsIn(folder: string): string[] {
  return readdirSync(rig.path(folder), { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
    .sort();
}

function fsck(...words: string[]): { report: Report; findings: Finding[]; code: number; err: string } {
  const ran = rig.run(["fsck", "--json", ...words]);
  const report = JSON.parse(ran.out) as Report;
  return { report, findings: report.stores.flatMap((store) => store.findings), code: ran.code, err: ran.err };
}

const oidOf = (path: string): string => path.slice(-33).replace("/", "");
const md5 = (bytes: Buffer): string => createHash("md5").update(bytes).digest("hex");

/** Every object's name equals its hash. */
function expectSound(folder: string): void {
  for (const path of objectsIn(folder)) {
    const name = path.split("/").slice(-2).join("");
    expect(md5(readFileSync(path)) + (name.endsWith(".dir") ? ".dir" : "")).toBe(name);
  }
}

describe("fsck", () => {
  it("finds nothing wrong in what is sound, and writes nothing but its own state", () => {
    const before = [...objectsIn(CACHE), ...objectsIn(REMOTE)];
    const { report, findings, code } = fsck("-r", "store");
    expect([code, findings, report.ok]).toEqual([0, [], true]);
    const size = objectsIn(CACHE).reduce((sum, path) => sum + statSync(path).size, 0);
    expect(report.stores.map(({ name, objects, bytes }) => [name, objects, bytes])).toEqual([
      ["cache", 5, size],
      ["store", 5, size],
    ]);
    expect([...objectsIn(CACHE), ...objectsIn(REMOTE)]).toEqual(before);
  });

  it("names each object that has a flipped bit or lost its end, in cache and remote, and repairs it", () => {
    for (const folder of [CACHE, REMOTE]) {
      for (const path of objectsIn(folder)) {
        for (const damage of [flip, shorten]) {
          damage(path);
          const damaged = readFileSync(path);
          const found = fsck("-r", "store");
          expect(found.code).toBe(1);
          expect(found.findings.map(({ where, problem }) => [where, problem])).toEqual([[path, "damaged"]]);
          expect(readFileSync(path).equals(damaged)).toBe(true);
          const repaired = fsck("-r", "store", "--repair");
          expect([repaired.code, repaired.findings.length]).toEqual([0, 1]);
          const kept = repaired.findings[0]?.quarantined ?? "";
          expect(kept).toContain(".dvc/tmp/quarantine");
          expect(readFileSync(rig.path(kept)).equals(damaged)).toBe(true);
          expectSound(folder);
          expect(fsck("-r", "store").code).toBe(0);
        }
      }
    }
  }, 120_000);

  it("trusts neither mode nor memory: an edited object with a sound record is found", () => {
    rig.ok("status");
    const path = objectsIn(CACHE).find((one) => readFileSync(one, "utf8") === "a single file") ?? "";
    flip(path, 3);
    expect(statSync(path).mode & 0o777).toBe(0o444);
    expect(fsck().findings).toMatchObject([{ problem: "damaged", path: "one" }]);
  });

  it("names what is needed and missing, by its path; on the remote it is enough", () => {
    for (const path of objectsIn(CACHE)) if (readFileSync(path, "utf8") === "content of sub/c") rmSync(path);
    const alone = fsck();
    expect(alone.findings).toMatchObject([{ problem: "missing", path: "data/sub/c" }]);
    expect(alone.code).toBe(1);
    expect(fsck("--allow-missing").code).toBe(0);
    expect(fsck("-r", "store").code).toBe(0);
    expect(fsck("--repair").findings).toMatchObject([{ problem: "missing", repairedFrom: "data/sub/c" }]);
    expectSound(CACHE);
    rmSync(rig.path("../remote"), { recursive: true });
    mkdirSync(rig.path("../remote"));
    expect(fsck("-r", "store").findings).toHaveLength(5);
    expect(fsck("-r", "store", "--repair").code).toBe(0);
    expectSound(REMOTE);
    expect(objectsIn(REMOTE)).toHaveLength(5);
  });

  it("misses what a manifest names that it has just repaired", () => {
    const manifest = objectsIn(CACHE).find((path) => path.endsWith(".dir")) ?? "";
    flip(manifest, 3);
    for (const path of objectsIn(CACHE)) if (readFileSync(path, "utf8") === "content of sub/c") rmSync(path);
    renameSync(rig.path("../remote"), rig.path("../away"));
    const { findings, code } = fsck("--repair");
    expect([code, findings.map(({ problem, repairedFrom }) => [problem, repairedFrom])]).toEqual([
      0,
      [
        ["damaged", "data"],
        ["missing", "data/sub/c"],
      ],
    ]);
    expectSound(CACHE);
    expect(rig.run(["fsck", "--repair", "--from", "../nowhere"]).err).toContain("'../nowhere' does not exist");
  });

  it("looks at every commit when asked, and repairs from another project's cache", () => {
    rig.git("add", ".");
    rig.git("commit", "-q", "-m", "first");
    cpSync(rig.path(".dvc/cache"), rig.path("../other/.dvc/cache"), { recursive: true });
    rig.write("one", "another version");
    rig.ok("add", "-q", "one");
    rig.git("commit", "-q", "-a", "-m", "second");
    for (const folder of [CACHE, REMOTE])
      for (const path of objectsIn(folder)) if (readFileSync(path, "utf8") === "a single file") rmSync(path);
    expect(fsck().code).toBe(0);
    expect(fsck("-A").findings).toMatchObject([{ problem: "missing", path: "one" }]);
    expect(fsck("-A", "--repair").code).toBe(1);
    expect(fsck("-A", "--repair", "--from", "../other").findings).toMatchObject([{ repairedFrom: /other/ }]);
    expect(fsck("-A").code).toBe(0);
  });

  it("never takes wrong bytes for a repair, and says where no sound copy is", () => {
    rig.write("one", "edited, not added");
    for (const folder of [CACHE, REMOTE])
      for (const path of objectsIn(folder)) if (readFileSync(path, "utf8") === "a single file") flip(path);
    const { findings, code, err } = fsck("-r", "store", "--repair");
    expect(code).toBe(1);
    expect(findings.map(({ repairedFrom }) => repairedFrom)).toEqual([undefined, undefined]);
    expect(err).toContain("corrupted cache file");
    // On the remote it stays where it is: it may be all there is.
    expect(objectsIn(REMOTE)).toHaveLength(5);
    expect(rig.read("one")).toBe("edited, not added");
    expect(rig.run(["fsck", "-r", "store", "--repair"]).out).toContain("No sound copy was found");
  });

  it("says what is no object that can be read: a folder in its place, a manifest that leaves its folder", () => {
    const bytes = Buffer.from('[{"md5": "0cc175b9c0f1b6a831c399e269772661", "relpath": "../../out"}]');
    const oid = `${md5(bytes)}.dir`;
    mkdirSync(rig.path(join(CACHE, oid.slice(0, 2))), { recursive: true });
    writeFileSync(rig.path(join(CACHE, oid.slice(0, 2), oid.slice(2))), bytes);
    mkdirSync(rig.path(join(CACHE, "ab", "c".repeat(30))), { recursive: true });
    const { findings } = fsck();
    expect(findings.map(({ problem }) => problem).sort()).toEqual(["manifest", "unreadable"]);
  });

  it("goes on where an interrupted run stopped, whose findings it keeps", () => {
    for (let i = 0; i < 300; i++) rig.write(`many/${String(i)}`, `number ${String(i)}`);
    rig.ok("add", "-q", "many");
    const path = objectsIn(CACHE).find((one) => !one.endsWith(".dir")) ?? "";
    flip(path);
    const oids = objectsIn(CACHE).map(oidOf);
    const last = oids.filter((oid) => !oid.endsWith(".dir"))[99] ?? "";
    // What a run that was killed after a hundred objects leaves.
    const url = rig.path(CACHE);
    const bad = [{ oid: oidOf(path), path, problem: "damaged", actual: "0".repeat(32) }];
    const point = { objects: 100, bytes: 1000, bad, last };
    const file = join("fsck", `${md5(Buffer.from(url))}.json`);
    const site = join(String(rig.env["DVC_SITE_CACHE_DIR"]), "holdfast", md5(Buffer.from(rig.dir)));
    mkdirSync(join(site, "fsck"), { recursive: true });
    const leave = (begunAt: number): void => {
      writeFileSync(join(site, file), JSON.stringify({ begunAt, point }));
    };
    leave(Date.now() - 1000);
    const again = fsck();
    expect(again.report.stores[0]?.continuedFrom).toBeDefined();
    expect(again.report.stores[0]?.objects).toBe(oids.length);
    expect(again.findings).toMatchObject([{ oid: oidOf(path), problem: "damaged" }]);
    expect(fsck().report.stores[0]?.continuedFrom).toBeUndefined();
    leave(Date.now() - 30 * 24 * 3_600_000);
    expect(fsck().report.stores[0]?.continuedFrom).toBeUndefined();
    leave(Date.now() - 1000);
    expect(fsck("--restart").report.stores[0]?.continuedFrom).toBeUndefined();
  });
});

describe("push --verify, status -c --deep", () => {
  it("read back what the remote holds", () => {
    expect(rig.ok("push", "--verify")).toContain("5 objects read back");
    expect(rig.ok("status", "-c", "--deep")).toContain("in sync");
    const path = objectsIn(REMOTE).find((one) => readFileSync(one, "utf8") === "content of a") ?? "";
    flip(path);
    expect(rig.ok("status", "-c")).toContain("in sync");
    const deep = rig.run(["status", "-c", "--deep", "--json"]);
    expect([deep.code, JSON.parse(deep.out)]).toEqual([1, { "data/a": "damaged" }]);
    const ran = rig.run(["push", "--verify"]);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("data/a");
    expect(rig.run(["push", "--verify", "one"]).code).toBe(0);
    expect(rig.run(["status", "--deep"]).code).toBe(1);
  });
});

describe("evict", () => {
  it("frees cache and workspace of what the remote holds, and pull brings it back", () => {
    rig.ok("evict");
    expect([rig.read("one"), rig.read("data/a")]).toEqual([undefined, undefined]);
    expect(objectsIn(CACHE).filter((one) => !one.endsWith(".dir"))).toEqual([]);
    rig.ok("pull");
    expect([rig.read("one"), rig.read("data/sub/c")]).toEqual(["a single file", "content of sub/c"]);
    expect(rig.ok("status")).toContain("up to date");
  });

  it("keeps what was edited, what the remote lacks and what it holds damaged", () => {
    const path = objectsIn(REMOTE).find((one) => readFileSync(one, "utf8") === "content of b") ?? "";
    flip(path);
    rig.write("one", "edited");
    rig.write("new", "not pushed");
    rig.ok("add", "-q", "new");
    const before = objectsIn(CACHE);
    const ran = rig.run(["evict", "--json"]);
    expect(ran.code).toBe(1);
    const kept = (JSON.parse(ran.out) as { path: string; kept: string }[]).map((one) => [one.path, one.kept]);
    expect(new Map(kept as [string, string][])).toEqual(
      new Map([
        ["data", "remote 'store' holds 1 of its objects damaged"],
        ["new", "remote 'store' lacks 1 of its objects"],
        ["one", "its files in the workspace were changed"],
      ]),
    );
    expect(objectsIn(CACHE)).toEqual(before);
    expect([rig.read("one"), rig.read("data/b")]).toEqual(["edited", "content of b"]);
  });

  it("leaves objects that other data needs, and whole files when only the cache is freed", () => {
    rig.write("twin", "a single file");
    rig.ok("add", "-q", "twin");
    rig.ok("evict", "one");
    expect(rig.ok("status", "twin.dvc")).toContain("up to date");
    expect(objectsIn(CACHE).some((one) => readFileSync(one, "utf8") === "a single file")).toBe(true);
    rig.ok("evict", "--cache-only", "data");
    expect(rig.read("data/a")).toBe("content of a");
    expect(objectsIn(CACHE).filter((one) => !one.endsWith(".dir"))).toHaveLength(1);
    const part = rig.run(["evict", "data/a"]);
    expect(part.code).toBe(255);
    expect(part.err).toContain("only the whole");
  });

  it("frees nothing when the remote can't be used", () => {
    const before = objectsIn(CACHE);
    chmodSync(rig.path("../remote"), 0o755);
    rig.ok("remote", "modify", "store", "url", rig.path("../elsewhere"));
    expect(rig.run(["evict", "one"]).code).toBe(1);
    expect(objectsIn(CACHE)).toEqual(before);
    expect(rig.read("one")).toBe("a single file");
  });

  it("takes no remote for a copy that is the cache itself", () => {
    rig.ok("remote", "modify", "store", "url", rig.path(".dvc/cache"));
    const before = objectsIn(CACHE);
    const ran = rig.run(["evict", "one"]);
    expect([ran.code, ran.out]).toEqual([1, expect.stringContaining("remote 'store' is the cache itself")]);
    expect(objectsIn(CACHE)).toEqual(before);
  });

  it("leaves in a shared cache what another project needs, whose remote is another one", () => {
    const other = new Rig().project();
    other.ok("cache", "dir", rig.path("../shared"));
    other.write("theirs", "a single file");
    rig.ok("cache", "dir", rig.path("../shared"));
    rig.ok("commit", "-q", "-f");
    other.ok("add", "-q", "theirs");
    rig.ok("evict", "one");
    expect(rig.read("one")).toBeUndefined();
    rmSync(other.path("theirs"));
    other.ok("checkout");
    expect(other.read("theirs")).toBe("a single file");
    other.close();
  });
});

it("a revision that can't be read is no sound one: what it needs is not known", () => {
  rig.git("add", "-A");
  rig.git("commit", "-q", "-m", "sound");
  rig.write("dvc.yaml", "stages: [broken");
  rig.git("add", "-A");
  rig.git("commit", "-q", "-m", "broken");
  rmSync(rig.path("dvc.yaml"));
  const { report, code } = fsck("-A");
  expect([report.ok, code]).toEqual([false, 1]);
  expect(report.unread).toEqual([{ name: rig.git("rev-parse", "HEAD").trim(), reason: expect.any(String) as string }]);
  expect(rig.run(["fsck", "-A"]).out).toContain("What these revisions need is not known");
  // Not even the workspace: what there is in the cache is looked at all the same.
  rig.write("dvc.yaml", "stages: [broken");
  const alone = fsck();
  expect([alone.report.ok, alone.code]).toEqual([false, 1]);
  expect(alone.report.unread).toEqual([{ name: "workspace", reason: expect.any(String) as string }]);
  expect(alone.report.stores).not.toEqual([]);
});
