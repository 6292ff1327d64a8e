import { createHash } from "node:crypto";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { openStorage } from "../../packages/core/src/fs/open.ts";
import { startFaultyLine } from "../support/faultyLine.ts";
import { filesUnder, objectsIn } from "../support/killing.ts";
import { IN_PLACE, KilledTransfer, SIZE, SPARE } from "../support/remoteKills.ts";
import { type SshServer, startSshServer } from "../support/sshServer.ts";

const MIB = 1 << 20;
const ends: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function begun({ sftpOnly = false } = {}): Promise<SshServer> {
  const server = await startSshServer({ sftpOnly });
  ends.push(() => server.stop());
  writeFileSync(join(server.home, ".ssh", "config"), "StrictHostKeyChecking accept-new\n");
  return server;
}

function temporaries({ folder }: SshServer): string[] {
  return filesUnder(folder).filter((path) => path.endsWith(".hftmp"));
}

/** Begins a push to a server and kills it. */
async function killed(server: SshServer): Promise<KilledTransfer> {
  const at = (port: number, folder: string): { url: string; values: Record<string, string>; home: string } => ({
    url: `ssh://127.0.0.1:${String(port)}${server.folder}/${folder}`,
    values: { keyfile: join(server.home, ".ssh", "id_ed25519") },
    home: server.home,
  });
  const transfer = await KilledTransfer.begin({ port: server.port, at, isHttp: false, stop: () => server.stop() });
  ends.push(() => {
    transfer.end();
  });
  await transfer.killPush(() => temporaries(server).reduce((sum, path) => sum + statSync(path).size, 0));
  expect(objectsIn(server.folder).size).toBe(0);
  return transfer;
}

describe("a push to SSH that is killed", () => {
  it("goes on in the next with what the server has", async () => {
    const server = await begun();
    const transfer = await killed(server);
    const { up } = await transfer.run("push");
    expect(up).toBeLessThan(SIZE - IN_PLACE + SPARE);
    expect(objectsIn(server.folder).size).toBe(1);
    expect(temporaries(server)).toEqual([]);
  });

  it.each([
    [
      "has other bytes",
      (path: string): void => {
        writeFileSync(path, Buffer.alloc(statSync(path).size, "x"));
      },
    ],
    [
      "is longer than the file",
      (path: string): void => {
        appendFileSync(path, Buffer.alloc(SIZE));
      },
    ],
  ])("is sent anew where what the server has %s", async (_how, spoil) => {
    const server = await begun();
    const transfer = await killed(server);
    for (const path of temporaries(server)) spoil(path);
    const { up } = await transfer.run("push");
    expect(up).toBeGreaterThan(SIZE);
    expect(objectsIn(server.folder).size).toBe(1);
    expect(temporaries(server)).toEqual([]);
  });

  it("is sent anew where the server can't hash what it has, because it runs nothing but SFTP", async () => {
    const server = await begun({ sftpOnly: true });
    const transfer = await killed(server);
    const { up } = await transfer.run("push");
    expect(up).toBeGreaterThan(SIZE);
    expect(objectsIn(server.folder).size).toBe(1);
    expect(temporaries(server)).toEqual([]);
  });
});

describe("a large file on its way to SSH", () => {
  it("goes on after its connection was cut, and tells of each byte once", async () => {
    const server = await begun();
    const line = await startFaultyLine(server.port);
    const folder = mkdtempSync(join(tmpdir(), "hf-up-"));
    const url = `ssh://127.0.0.1:${String(line.port)}/`;
    const { fs } = await openStorage(url, { values: {}, env: {}, home: server.home });
    ends.push(async () => {
      await fs.close();
      line.stop();
      rmSync(folder, { recursive: true });
    });
    const bytes = Buffer.alloc(16 * MIB + 7, "bytes of an odd period, ");
    const file = join(folder, "file");
    writeFileSync(file, bytes);
    line.cutAfter("up", 12 * MIB);
    let told = 0;
    const md5 = createHash("md5").update(bytes).digest("hex");
    const onBytes = (count: number): number => (told += count);
    const to = join(server.folder, "to");
    await fs.write(to, { file, size: bytes.length }, { md5, onBytes });
    expect(line.faults).toBe(1);
    // What was on its way when it was cut is lost: what the server's own buffers hold.
    expect(line.passed.up).toBeLessThan(bytes.length + 8 * MIB);
    expect(told).toBe(bytes.length);
    expect(readFileSync(to).equals(bytes)).toBe(true);
    expect(filesUnder(server.folder)).toEqual([to]);
  });

  it("of a server that runs nothing but SFTP has its hash computed here", async () => {
    const server = await begun({ sftpOnly: true });
    writeFileSync(join(server.folder, "file"), "hello\n");
    const url = `ssh://127.0.0.1:${String(server.port)}${server.folder}`;
    const { fs } = await openStorage(url, { values: {}, env: {}, home: server.home });
    ends.push(() => fs.close());
    const path = join(server.folder, "file");
    expect(await fs.checksum?.({ path, size: 6, type: "file" })).toBe("b1946ac92492d2347c6235b4d2611184");
  });
});
