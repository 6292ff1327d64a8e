import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fingerprint, KnownHosts, keyType } from "./knownHosts.ts";

const folder = mkdtempSync(join(tmpdir(), "hf-known-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const keyOf = (byte: number): Buffer =>
  Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from("ssh-ed25519"), Buffer.alloc(36, byte)]);
const one = keyOf(1);
const two = keyOf(2);
const text = (key: Buffer): string => `ssh-ed25519 ${key.toString("base64")}`;

describe("known_hosts", () => {
  it("tells known, unknown, changed and revoked keys apart, under plain, hashed and wild names", () => {
    const salt = Buffer.alloc(20, 7);
    const digest = createHmac("sha1", salt).update("[hidden.example.com]:2022").digest("base64");
    const file = join(folder, "known_hosts");
    const lines = [
      "# keys",
      `plain,192.0.2.7 ${text(one)}`,
      `*.wild.example.com,!not.wild.example.com ${text(one)}`,
      `|1|${salt.toString("base64")}|${digest} ${text(two)} said by the owner`,
      `@revoked * ${text(keyOf(3))}`,
      "broken",
    ];
    writeFileSync(file, lines.join("\n"));
    const known = new KnownHosts([file, join(folder, "missing")]);
    expect(known.judge("plain", 22, one)).toBe("known");
    expect(known.judge("192.0.2.7", 22, one)).toBe("known");
    expect(known.judge("plain", 22, two)).toBe("changed");
    expect(known.judge("plain", 2022, one)).toBe("unknown");
    expect(known.judge("a.wild.example.com", 22, one)).toBe("known");
    expect(known.judge("not.wild.example.com", 22, one)).toBe("unknown");
    expect(known.judge("hidden.example.com", 2022, two)).toBe("known");
    expect(known.judge("plain", 22, keyOf(3))).toBe("revoked");
    expect(known.keyTypes("plain", 22)).toContain("ssh-ed25519");
    expect(keyType(one)).toBe("ssh-ed25519");
    expect(fingerprint(one)).toMatch(/^SHA256:[\w+/]{43}$/);
  });

  it("adds a key that is then known", () => {
    const file = join(folder, "new", "known_hosts");
    new KnownHosts([file]).add("fresh", 2022, one);
    expect(new KnownHosts([file]).judge("fresh", 2022, one)).toBe("known");
  });
});
