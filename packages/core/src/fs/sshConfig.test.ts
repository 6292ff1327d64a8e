import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readSshConfig } from "./sshConfig.ts";

const home = mkdtempSync(join(tmpdir(), "hf-sshconfig-"));
mkdirSync(join(home, ".ssh", "more.d"), { recursive: true });
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});
const read = (host: string, user?: string): Record<string, readonly string[]> =>
  Object.fromEntries(readSshConfig(home, { host, user, localUser: "me" }));

describe("~/.ssh/config", () => {
  it("gives the first value found, gathers keys, knows patterns, Match and Include", () => {
    writeFileSync(join(home, ".ssh", "more.d", "a.conf"), "Host included\n  Port 2200\n");
    writeFileSync(
      join(home, ".ssh", "config"),
      [
        "Include more.d/*.conf",
        "# a comment",
        "Host data !data.bad data?",
        '  HostName="data.example.com" # said',
        "  IdentityFile ~/.ssh/one",
        "Match originalhost data user ann",
        "  Port 2022",
        "Match exec true",
        "  Port 1",
        "Host *",
        "  User everybody",
        "  IdentityFile ~/.ssh/two",
        "  ProxyCommand nc -X 5 %h %p",
      ].join("\n"),
    );
    expect(read("data", "ann")).toEqual({
      hostname: ["data.example.com"],
      identityfile: ["~/.ssh/one", "~/.ssh/two"],
      port: ["2022"],
      user: ["everybody"],
      proxycommand: ["nc -X 5 %h %p"],
    });
    expect(read("data")["port"]).toBeUndefined();
    expect(read("included")["port"]).toEqual(["2200"]);
    expect(read("data7")["hostname"]).toEqual(["data.example.com"]);
    expect(read("other")["hostname"]).toBeUndefined();
  });
});
