import { readFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Event } from "../base/events.ts";
import { commandsOf, runStage, shellCommand } from "./run.ts";
import type { Stage } from "./stage.ts";
import { stagesOf } from "./testProject.ts";
import { temporaryFolder } from "../../../../tests/support/temporaryFolder.ts";

const [base] = stagesOf({ "dvc.yaml": "stages:\n  s:\n    cmd: x\n" }) as [Stage];

describe("runStage", () => {
  it("runs commands one by one in wdir, tells them, and stops at the first that fails", async () => {
    const root = temporaryFolder("run-");
    const said: string[] = [];
    const emit = (event: Event): void => {
      if (event.type === "message") said.push(event.text);
    };
    const cmd = ['printf "%s %s" "$DVC_STAGE" "$DVC_ROOT" > out', "exit 3", "touch never"];
    const stage = { ...base, file: join(root, "dvc.yaml"), wdir: root, cmd };
    const options = { root, env: { PATH: process.env["PATH"] }, reporter: { emit } };
    await expect(runStage(stage, options)).rejects.toThrow("failed to run: exit 3, exited with 3");
    expect(said).toEqual(["Running stage 's':", `> ${cmd[0] ?? ""}`, "> exit 3"]);
    expect(readFileSync(join(root, "out"), "utf8")).toBe(`s ${root}`);
    expect(existsSync(join(root, "never"))).toBe(false);
    await expect(runStage({ ...stage, cmd: "kill -9 $$" }, options)).rejects.toThrow("exited with -9");
    await runStage({ ...stage, cmd: "touch dry" }, { ...options, dry: true });
    expect(existsSync(join(root, "dry"))).toBe(false);
  });

  it("splits a text into lines and keeps the shell from its configuration", () => {
    expect(commandsOf({ ...base, cmd: "a\nb\n" })).toEqual(["a", "b"]);
    expect(shellCommand("x", "/bin/bash")).toEqual(["/bin/bash", "--noprofile", "--norc", "-c", "x"]);
    expect(shellCommand("x", "/usr/bin/zsh")).toEqual(["/usr/bin/zsh", "--no-rcs", "-c", "x"]);
    expect(shellCommand("x", "/bin/sh")).toEqual(["/bin/sh", "-c", "x"]);
  });
});
