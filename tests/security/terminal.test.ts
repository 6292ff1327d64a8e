import { afterEach, beforeEach, expect, it } from "vitest";
import { BINARY, Rig } from "../support/rig.ts";
import { onTerminal } from "../support/terminal.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
});
afterEach(() => {
  rig.close();
});

// Hides what is behind it; a title for the window; the direction of text.
const EVIL = "\x1b[8m\x1b]0;title\x07\u202e";

async function screen(...words: readonly string[]): Promise<string> {
  const ran = await onTerminal([process.execPath, BINARY, ...words], { cwd: rig.dir, question: "[y/n]", typed: "n\n" });
  return ran.screen;
}

it("names and texts of strangers neither hide nor paint what a terminal shows, in any output", async () => {
  rig.write(`d/${EVIL}`, "x");
  rig.ok("add", "-q", "d");
  rig.write("m.json", JSON.stringify({ [EVIL]: EVIL }));
  rig.write("dvc.yaml", `metrics: [m.json]\nstages: {s: {cmd: echo, desc: ${JSON.stringify(EVIL)}}}\n`);
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", `subject ${EVIL}`);
  rig.git("tag", "-a", "v1", "-m", EVIL);
  rig.write(`d/${EVIL}2`, "y");
  for (const words of [
    ["status"],
    ["data", "status", "--granular"],
    ["diff"],
    ["diff", "--md"],
    ["diff", "--json"],
    ["metrics", "show"],
    ["metrics", "show", "--json"],
    ["list", ".", "-R"],
    ["list", ".", "--tree"],
    ["stage", "list"],
    ["snapshot", "list"],
    ["snapshot", "show", "v1"],
    ["snapshot", "diff", "HEAD"],
    ["checkout", EVIL],
  ]) {
    const shown = await screen(...words);
    expect([words, shown]).toEqual([words, expect.not.stringMatching(/\x1b\[8m|\x1b\]|\u202e/)]);
  }
});

it("nor do the names of stages that run, nor questions", async () => {
  const name = JSON.stringify(EVIL);
  rig.write("dvc.yaml", `stages:\n  a: {cmd: echo}\n  s: {foreach: {${name}: 1}, do: {cmd: echo}}\n`);
  rig.write("data", "1");
  rig.ok("add", "-q", "data");
  const remote = `url = s3://b\n    credentialpath = "/keys${EVIL}"\n`;
  rig.write(".dvc/config", `[core]\n    remote = s\n['remote "s"']\n    ${remote}`);
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "theirs");
  for (const words of [["repro", "-j", "2"], ["repro"], ["push"]]) {
    const shown = await screen(...words);
    expect([words, shown]).toEqual([words, expect.not.stringMatching(/\x1b\[8m|\x1b\]|\u202e/)]);
    expect([words, shown]).toEqual([words, expect.stringContaining("\\x1b[8m")]);
    if (words[0] === "push") expect(shown).toContain("[y/n]");
  }
});
