import { describe, expect, it } from "vitest";
import { type Environment, expandHome, globalConfigDir, systemConfigDir } from "./platform.ts";

const environment = (env: Record<string, string>): Environment => ({
  cwd: "/w",
  env,
  home: "/home/u",
  programName: "holdfast",
  pid: 1,
});

describe("folders of the configuration", () => {
  it.each([
    ["linux", {}, "/etc/xdg/dvc", "/home/u/.config/dvc"],
    ["linux", { XDG_CONFIG_DIRS: "/a:/b", XDG_CONFIG_HOME: "/x" }, "/a/dvc", "/x/dvc"],
    ["darwin", {}, "/Library/Application Support/dvc", "/home/u/Library/Application Support/dvc"],
    ["win32", { PROGRAMDATA: "C:\\PD", LOCALAPPDATA: "C:\\LA" }, "C:\\PD\\iterative\\dvc", "C:\\LA\\iterative\\dvc"],
    ["linux", { DVC_SYSTEM_CONFIG_DIR: "/s", DVC_GLOBAL_CONFIG_DIR: "/g" }, "/s", "/g"],
  ] as const)("on %s with %j", (os, env, system, global) => {
    expect(systemConfigDir(environment(env), os)).toBe(system);
    expect(globalConfigDir(environment(env), os)).toBe(global);
  });

  it("expands the home folder only at the start", () => {
    expect(expandHome("~/x", "/h")).toBe("/h/x");
    expect(expandHome("~", "/h")).toBe("/h");
    expect(expandHome("~other/x", "/h")).toBe("~other/x");
    expect(expandHome("a/~/x", "/h")).toBe("a/~/x");
  });
});
