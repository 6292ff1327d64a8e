import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Ran, Rig } from "../support/rig.ts";

/** Settings of `[plots]` that a stranger has committed. */
let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
  rig.write("p.csv", "x,y\n1,2\n2,3\n");
  rig.write("pictures/a.png", "picture");
  rig.write("dvc.yaml", "plots:\n- p.csv\n- pictures\n");
  mkdirSync(rig.path("../outside"));
  mkdirSync(rig.path("../programs"));
  writeFileSync(rig.path("../programs/xdg-open"), `#!/bin/sh\necho opened > '${rig.path("../opened")}'\n`);
  chmodSync(rig.path("../programs/xdg-open"), 0o755);
});
afterEach(() => {
  rig.close();
});

function commit(file: string, text: string): void {
  rig.write(file, text);
  rig.git("add", "-f", ".");
  rig.git("commit", "-q", "-m", "theirs");
}

const show = (...words: string[]): Ran =>
  rig.run(["plots", "show", ...words], {
    env: { PATH: `${rig.path("../programs")}:${process.env["PATH"] ?? ""}` },
  });
const isOpened = (): boolean => existsSync(rig.path("../opened"));

it.each([
  [".dvc/config", "../outside"],
  [".dvc/config.local", "../outside"],
  [".dvc/config", ".git/hooks"],
  [".dvc/config", "sub/.GIT"],
])("%s: out_dir = %s is refused until the project is trusted", (file, folder) => {
  mkdirSync(rig.path("sub/.GIT"), { recursive: true });
  const before = readdirSync(rig.path(folder));
  commit(file, `[plots]\n    out_dir = ${folder}\n`);
  for (const words of [[], ["--json"]]) {
    const ran = show(...words);
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("plots.out_dir of the project's config leads")]);
  }
  expect(readdirSync(rig.path(folder))).toEqual(before);
  expect(show("--out", "here").code).toBe(0);
  expect(show("--trust").code).toBe(0);
  expect(existsSync(rig.path(`${folder}/index.html`))).toBe(true);
});

it("out_dir of one's own choice is used, also when it is committed", () => {
  rig.ok("config", "plots.out_dir", "../outside");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "mine");
  expect(show().code).toBe(0);
  expect(existsSync(rig.path("../outside/index.html"))).toBe(true);
});

it.each(["../outside", ".git/hooks", ".dvc"])("a link in place of the folder to %s is not followed", (to) => {
  const before = readdirSync(rig.path(to));
  symlinkSync(to, rig.path("dvc_plots"));
  for (const words of [[], ["--json"], ["--svg", "dvc_plots/svg"]]) {
    const ran = show(...words);
    expect([words, ran.code, ran.err]).toEqual([
      words,
      1,
      expect.stringContaining("is a link that leaves the project"),
    ]);
  }
  expect(readdirSync(rig.path(to))).toEqual(before);
});

it("a committed auto_open starts no browser; one's own does", async () => {
  commit(".dvc/config", "[plots]\n    auto_open = true\n");
  expect(show().code).toBe(0);
  expect(rig.ok("trust", "--show")).toContain("program: plots.auto_open");
  commit(".dvc/config", "");
  rig.ok("config", "plots.auto_open", "true");
  expect(isOpened()).toBe(false);
  show();
  const [timeout, interval] = [20_000, 20];
  await vi.waitFor(
    () => {
      expect(isOpened()).toBe(true);
    },
    { timeout, interval },
  );
});
