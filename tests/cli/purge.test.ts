import { appendFileSync, chmodSync, existsSync, readFileSync, rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesUnder, md5Of } from "../support/killing.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;

beforeEach(() => {
  rig = new Rig().project();
  rig.ok("remote", "add", "-q", "-d", "store", rig.path("../remote"));
  version("one", "v1");
  version("two", "v2");
});

afterEach(() => {
  rig.close();
});

/** A version of two data sets that share a file, committed and tagged. */
function version(text: string, tag: string): void {
  for (const name of ["people", "other"]) {
    rmSync(rig.path(name), { recursive: true, force: true });
    rig.write(`${name}/own`, `${name} ${text}`);
    rig.write(`${name}/shared`, "the same in both");
  }
  rig.ok("add", "-q", "people", "other");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", text);
  rig.git("tag", tag);
  rig.ok("push", "-q");
}

const texts = (folder: string): string[] => filesUnder(rig.path(folder)).map((path) => readFileSync(path, "utf8"));
const everywhere = (): string[] => [".dvc/cache", ".dvc/tmp/trash", "../remote"].flatMap(texts);

interface Plan {
  readonly objects: number;
  readonly shared: number;
  readonly uses: readonly string[];
  readonly isDone: boolean;
}
const plan = (...words: string[]): Plan => JSON.parse(rig.ok("purge", "--json", ...words)) as Plan;

describe("purge", () => {
  it("shows what would go and who uses it; without a yes nothing goes", () => {
    const before = everywhere();
    expect(plan("people", "--dry")).toMatchObject({ objects: 4, shared: 1, isDone: false });
    expect(plan("people.dvc", "--dry").uses.join(" ")).toMatch(/workspace.*v2.*v1|workspace.*v1.*v2/);
    const ran = rig.run(["purge", "people"], { input: "n\n" });
    expect(ran.code).toBe(1);
    expect(ran.out).toContain("remote 'store': 4 objects");
    expect(everywhere()).toEqual(before);
  });

  it.each([["purge"], ["evict"]])("%s --dry moves nothing, not even what it finds damaged", (verb) => {
    const manifests = filesUnder(rig.path(".dvc/cache")).filter((path) => path.endsWith(".dir"));
    for (const path of manifests) {
      chmodSync(path, 0o644);
      appendFileSync(path, " ");
    }
    const mine = (): Record<string, string> =>
      Object.fromEntries(filesUnder(rig.dir).map((path) => [path.slice(rig.dir.length), md5Of(path)]));
    const before = mine();
    const ran = rig.run([verb, "people", "--dry"]);
    expect(ran.err).toMatch(/corrupted cache file .*\.dir' .* It was left there/);
    expect(ran.err).not.toContain("It was moved");
    const after = mine();
    const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
      (path) => path !== "/.dvc/tmp/lock" && before[path] !== after[path],
    );
    expect(changed).toEqual([]);
  });

  it("removes all versions from cache, trash, remote and workspace, and nothing that others need", () => {
    rig.ok("gc", "-w", "-f"); // the first version lies in the trash now
    expect(plan("people", "-f")).toMatchObject({ isDone: true });
    const left = everywhere().join("\n");
    expect(left).not.toContain("people one");
    expect(left).not.toContain("people two");
    expect(left).toContain("the same in both");
    expect([existsSync(rig.path("people")), existsSync(rig.path("people.dvc"))]).toEqual([false, false]);
    expect(rig.ok("status")).toContain("up to date");
    rmSync(rig.path("other"), { recursive: true });
    rmSync(rig.path(".dvc/cache"), { recursive: true });
    rig.git("checkout", "-q", "-f", "v1");
    rig.ok("pull", "-q", "other.dvc");
    expect(rig.read("other/own")).toBe("other one");
  });

  it("removes one version, not the one in the workspace", () => {
    const refused = rig.run(["purge", "people", "--rev", "v2", "-f"]);
    expect(refused.code).toBe(255);
    expect(refused.err).toContain("at that version in the workspace");
    expect(plan("people", "--rev", "v1", "-f")).toMatchObject({ objects: 2, shared: 1, isDone: true });
    expect(everywhere().join("\n")).not.toContain("people one");
    rmSync(rig.path(".dvc/cache"), { recursive: true });
    rmSync(rig.path("people"), { recursive: true });
    rig.ok("pull", "-q");
    expect(rig.read("people/own")).toBe("people two");
    // What is left of the other versions goes as before.
    expect(plan("people", "-f")).toMatchObject({ isDone: true });
    expect(everywhere().join("\n")).not.toContain("people two");
  });

  it("refuses what it cannot know: changes that are recorded nowhere, broken revisions, lost manifests", () => {
    rig.write("people/new", "not added");
    const before = everywhere();
    expect(rig.run(["purge", "people"], { input: "y\n" }).err).toContain("recorded nowhere");
    rmSync(rig.path("people/new"));
    rig.git("checkout", "-q", "-b", "broken");
    rig.write("other.dvc", "outs: [\n");
    rig.git("commit", "-q", "-a", "-m", "broken");
    rig.git("checkout", "-q", "main");
    const ran = rig.run(["purge", "people", "-f"]);
    expect(ran.code).toBe(255);
    expect(ran.err).toContain("Failed to collect");
    rig.git("branch", "-q", "-D", "broken");
    expect(rig.run(["purge", "nothing", "-f"]).err).toContain("tracked by no revision");
    for (const path of [...filesUnder(rig.path(".dvc/cache")), ...filesUnder(rig.path("../remote"))])
      if (path.endsWith(".dir") && readFileSync(path, "utf8").includes("own")) rmSync(path);
    expect(rig.run(["purge", "people", "-f"]).code).toBe(255);
    expect(everywhere().filter((text) => !text.startsWith("[")).length).toBe(
      before.filter((text) => !text.startsWith("[")).length,
    );
  });
});

describe("after a gc that freed what was on no remote", () => {
  const unpushed = (): void => {
    rig.write("other/own", "other three");
    rig.write("other/extra", "people two");
    rig.ok("add", "-q", "other");
    rig.git("commit", "-q", "-a", "-m", "three");
  };
  const free = (): void => {
    version("four", "v4");
    rig.ok("gc", "-w", "-f", "-q");
    rig.run(["gc", "--purge"], { input: "y\n" });
  };

  it("purge goes on", () => {
    unpushed();
    free();
    rig.ok("purge", "people", "-f");
    expect(everywhere()).not.toContain("people two");
    expect(everywhere()).toContain("the same in both");
  });

  it("purge spares what it needs when another remote has it after all", () => {
    unpushed();
    rig.ok("remote", "add", "-q", "shelf", rig.path("../shelf"));
    rig.ok("push", "-q", "-r", "shelf");
    free();
    rig.ok("purge", "people", "-f");
    expect(texts("../shelf")).toContain("people two");
    expect(everywhere()).not.toContain("people four");
  });
});

describe("after a purge", () => {
  it("refuses a shallow clone, which does not know what other data its other commits need", () => {
    rig.git("clone", "-q", "--depth", "1", `file://${rig.dir}`, "../shallow");
    const inClone = (...words: string[]): { code: number; out: string; err: string } =>
      rig.run(["purge", ...words], { cwd: "../shallow" });
    const before = everywhere();
    expect(inClone("people", "--dry")).toMatchObject({ code: 0, err: expect.stringContaining("is a shallow clone") });
    expect(rig.run(["purge", "people"], { cwd: "../shallow", input: "y\n" })).toMatchObject({
      code: 255,
      err: expect.stringContaining("is a shallow clone"),
    });
    expect(everywhere()).toEqual(before);
    expect(inClone("people", "-f").code).toBe(0);
  });

  it("gc, fsck and the next purge don't miss what was purged, and still protect what was lost", () => {
    plan("people", "--rev", "v1", "-f");
    const kept = everywhere();
    expect(rig.run(["gc", "-A", "-f"]).code).toBe(0);
    expect(rig.run(["gc", "-A", "-c", "-f"]).code).toBe(0);
    expect(everywhere().sort()).toEqual(kept.sort());
    expect(rig.run(["fsck", "-A", "-r", "store"]).code).toBe(0);
    expect(plan("other", "--rev", "v1", "--dry")).toMatchObject({ objects: 2 });
    // The same version added again, and then lost: nobody purged that.
    rmSync(rig.path("people"), { recursive: true });
    rig.write("people/own", "people one");
    rig.write("people/shared", "the same in both");
    rig.ok("add", "-q", "people");
    for (const path of filesUnder(rig.path(".dvc/cache")))
      if (path.endsWith(".dir") && readFileSync(path, "utf8").includes("own")) rmSync(path);
    const ran = rig.run(["gc", "-w", "-f"]);
    expect([ran.code, ran.err]).toEqual([255, expect.stringContaining("Nothing was removed")]);
  });
});

describe("purge and what only Git's own names reach", () => {
  it("spares what another worktree and a stash need, and takes the target's own versions there", () => {
    rig.write("third/own", "third");
    rig.write("third/shared", "the same in both");
    rig.ok("add", "-q", "third");
    rig.git("stash", "-q", "-u");
    rig.git("worktree", "add", "-q", "../tree");
    // What a colleague is at work on there: the same file as in the data that goes.
    rig.write("../tree/people/own", "people three");
    rig.write("../tree/mine", "people one");
    const there = { cwd: "../tree" };
    expect(rig.run(["config", "--local", "cache.dir", rig.path(".dvc/cache")], there).code).toBe(0);
    expect(rig.run(["add", "-q", "people", "mine"], there).code).toBe(0);
    const found = plan("people", "--dry");
    expect(found.uses.some((use) => use.startsWith("worktree "))).toBe(true);
    plan("people", "-f");
    const left = everywhere();
    expect(left).toContain("people one");
    expect(left).toContain("third");
    expect(left.join("\n")).not.toMatch(/people (two|three)/);
  });

  it("takes no part of a data set", () => {
    const ran = rig.run(["purge", "people/own", "-f"]);
    expect([ran.code, ran.err]).toEqual([255, expect.stringContaining("'people/own' is a part of 'people'")]);
  });

  it("takes what the trash holds of the data's files along", () => {
    rig.write("people/own", "edited, in no cache");
    rig.write("other/own", "edited as well");
    rig.ok("checkout", "-q", "-f");
    expect(texts(".dvc/tmp/trash").sort()).toEqual(expect.arrayContaining(["edited as well", "edited, in no cache"]));
    plan("people", "-f");
    expect(texts(".dvc/tmp/trash").join("\n")).not.toContain("in no cache");
    expect(texts(".dvc/tmp/trash")).toContain("edited as well");
  });
});
