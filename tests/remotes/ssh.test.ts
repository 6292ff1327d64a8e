import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import ssh2 from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeFileSystem } from "../../packages/core/src/fs/fs.contract.ts";
import { openStorage, type OpenedStorage } from "../../packages/core/src/fs/open.ts";
import { describeRemoteProgram } from "../support/remoteProgram.ts";
import { Rig } from "../support/rig.ts";
import { startFaultyLine } from "../support/faultyLine.ts";
import { makeKey, type SshServer, startSshServer } from "../support/sshServer.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

describeFileSystem("SSH", async () => {
  const own = await startSshServer();
  const url = `ssh://127.0.0.1:${String(own.port)}${own.folder}`;
  const { fs, root } = await openStorage(url, { values: {}, env: {}, home: own.home });
  return { fs, folder: root, stop: () => own.stop() };
});

describeRemoteProgram("SSH", async () => {
  const own = await startSshServer();
  const url = `ssh://127.0.0.1:${String(own.port)}${own.folder}/store`;
  const options = { keyfile: join(own.home, ".ssh", "id_ed25519") };
  return { url, options, env: { HOME: own.home }, stop: () => own.stop() };
});

let server: SshServer;
let home: string;
beforeAll(async () => {
  server = await startSshServer();
});
afterAll(async () => {
  await server.stop();
});

/** A home folder of its own with this `config`, that knows the server unless told otherwise. */
function freshHome(config = "", knows = true): string {
  home = temporaryFolder("hf-home-");
  mkdirSync(join(home, ".ssh"));
  writeFileSync(join(home, ".ssh", "config"), config);
  if (knows) writeFileSync(join(home, ".ssh", "known_hosts"), readFileSync(join(server.home, ".ssh", "known_hosts")));
  return home;
}
const key = (): string => join(server.home, ".ssh", "id_ed25519");
const open = (url: string, from: string, values: Record<string, string> = {}): Promise<OpenedStorage> =>
  openStorage(url, { values, env: {}, home: from });
const direct = (): string => `ssh://127.0.0.1:${String(server.port)}${server.folder}`;
const failureOf = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

describe("ssh://", () => {
  it("refuses a server that is not known, or has another key, and says what to do", async () => {
    const unknown = await open(direct(), freshHome("", false), { keyfile: key() });
    const error = await failureOf(unknown.fs.stat(unknown.root));
    expect(error).toMatchObject({ code: "auth", hint: expect.stringContaining("ssh-keyscan") as string });
    expect(String(error)).toMatch(/host key of '127.0.0.1' is not known: ssh-ed25519 SHA256:/);
    const other = makeKey(join(home, "other"));
    writeFileSync(join(home, ".ssh", "known_hosts"), `[127.0.0.1]:${String(server.port)} ${other}`);
    const changed = await open(direct(), home, { keyfile: key() });
    expect(String(await failureOf(changed.fs.stat(changed.root)))).toContain("is not the one that was known");
  });

  it("notes a new server where the user's config says so", async () => {
    const from = freshHome("StrictHostKeyChecking accept-new\n", false);
    const { fs, root } = await open(direct(), from, { keyfile: key() });
    expect(await fs.stat(root)).toMatchObject({ type: "folder" });
    await fs.close();
    expect(readFileSync(join(from, ".ssh", "known_hosts"), "utf8")).toContain(`[127.0.0.1]:${String(server.port)} `);
  });

  it("knows aliases, keys and ProxyJump of ~/.ssh/config", async () => {
    const port = String(server.port);
    const config = `Host data
  HostName 127.0.0.1
  Port ${port}
  ProxyJump gate
Host gate
  HostName 127.0.0.1
  Port ${port}
Host *
  IdentityFile ${key()}
`;
    const { fs } = await open(`ssh://data${server.folder}`, freshHome(config));
    await fs.write(`${server.folder}/jumped`, { bytes: Buffer.from("there") });
    expect(readFileSync(join(server.folder, "jumped"), "utf8")).toBe("there");
    expect(await fs.access?.()).toMatchObject({ endpoint: `127.0.0.1:${port} through 127.0.0.1` });
    await fs.close();
  });

  it("opens an encrypted key with its passphrase, and explains who is not let in", async () => {
    const from = freshHome();
    makeKey(join(from, "stranger"), "secret words");
    const encrypted = join(from, "stranger");
    const locked = await open(direct(), from, { keyfile: encrypted });
    expect(await failureOf(locked.fs.stat("/"))).toMatchObject({ code: "config" });
    const mistyped = await open(direct(), from, { keyfile: encrypted, passphrase: "secret word" });
    const wrong = await failureOf(mistyped.fs.stat("/"));
    expect(wrong).toMatchObject({ hint: expect.stringMatching(/^Its passphrase is another/) as string });
    const stranger = await open(direct(), from, { keyfile: encrypted, passphrase: "secret words" });
    const error = await failureOf(stranger.fs.stat("/"));
    expect(error).toMatchObject({ code: "auth" });
    expect(String(error)).toContain(`tried: key ${encrypted}`);
    expect(String(error)).not.toContain("secret words");
    const nothing = await open(direct(), from);
    expect(String(await failureOf(nothing.fs.stat("/")))).toContain("nothing to log in with");
  });

  it("does not use a key of the repository that a committed config names", async () => {
    const options = { values: { keyfile: "key" }, untrusted: new Set(["keyfile"]), env: {}, home, projectRoot: home };
    await expect(openStorage(direct(), options)).rejects.toThrow("lies inside the repository");
  });

  it("refuses names that a shell would take apart", async () => {
    await expect(open("ssh://-oProxyCommand=x/y", home)).rejects.toThrow("no name of a host");
    await expect(open("ssh://a;b/y", home)).rejects.toThrow("no name of a host");
    await expect(open("ssh://h/y", home, { gss_auth: "true" })).rejects.toThrow("not supported");
  });

  it("lists files behind links and does not follow links to folders round and round", async () => {
    const folder = join(server.folder, "links");
    mkdirSync(join(folder, "real"), { recursive: true });
    writeFileSync(join(folder, "real", "file"), "text");
    symlinkSync("real/file", join(folder, "linked"));
    symlinkSync(".", join(folder, "round"));
    const { fs } = await open(direct(), server.home);
    const found: string[] = [];
    for await (const { path, size } of fs.list(folder)) found.push(`${path.slice(folder.length)} ${String(size)}`);
    expect(found.sort()).toEqual(["/linked 4", "/real/file 4"]);
    const info = { path: join(folder, "linked"), size: 4, type: "file" as const };
    expect(await fs.checksum?.(info)).toBe("1cb251ec0d568de6a929b520c4aed8d1");
    await fs.close();
  });

  it("asks an agent, and goes through the command of ProxyCommand", async () => {
    const from = freshHome();
    const socket = join(from, "agent");
    const agent = execFileSync("ssh-agent", ["-s", "-a", socket], { encoding: "utf8" });
    try {
      execFileSync("ssh-add", ["-q", key()], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      const { fs, root } = await openStorage(direct(), { values: {}, env: { SSH_AUTH_SOCK: socket }, home: from });
      expect(await fs.stat(root)).toMatchObject({ type: "folder" });
      expect(await fs.access?.()).toMatchObject({ credentials: "agent" });
      await fs.close();
    } finally {
      process.kill(Number(/SSH_AGENT_PID=(\d+)/.exec(agent)?.[1]));
    }
    const program = join(from, "through.cjs");
    writeFileSync(
      program,
      'const s = require("net").connect(+process.argv[3], process.argv[2]); process.stdin.pipe(s); s.pipe(process.stdout);',
    );
    const config = `Host *\n  IdentityFile ${key()}\n  ProxyCommand ${process.execPath} ${program} %h %p\n`;
    writeFileSync(join(from, ".ssh", "config"), config);
    const through = await open(direct(), from);
    expect(await through.fs.stat(through.root)).toMatchObject({ type: "folder" });
    await through.fs.close();
  });

  it("goes on after a connection was cut in the middle of a file, both ways, and leaves nothing behind", async () => {
    const line = await startFaultyLine(server.port);
    const { fs } = await open(
      `ssh://127.0.0.1:${String(line.port)}/`,
      freshHome("StrictHostKeyChecking accept-new\n"),
      {
        keyfile: key(),
      },
    );
    const folder = join(server.folder, "cut");
    const bytes = randomBytes(12 << 20);
    const file = join(home, "file");
    writeFileSync(file, bytes);
    let sent = 0;
    line.cutAfter("up", 4 << 20);
    await fs.write(join(folder, "file"), { file, size: bytes.length }, { onBytes: (count) => (sent += count) });
    expect(readFileSync(join(folder, "file")).equals(bytes)).toBe(true);
    expect(readdirSync(folder)).toEqual(["file"]);
    expect(sent).toBe(bytes.length);
    line.cutAfter("down", 4 << 20);
    const md5 = createHash("md5").update(bytes).digest("hex");
    expect(await fs.download(join(folder, "file"), join(home, "back"))).toEqual({ md5, size: bytes.length });
    expect(readFileSync(join(home, "back")).equals(bytes)).toBe(true);
    expect(line.faults).toBe(2);
    await fs.close();
    line.stop();
  });

  it("logs in with a password, also where the server asks for it in its own words", async () => {
    for (const method of ["password", "keyboard-interactive"]) {
      const { port, close } = await passwordServer(method);
      const from = freshHome("StrictHostKeyChecking accept-new\n", false);
      const url = `ssh://ann@127.0.0.1:${String(port)}/x`;
      const { fs } = await open(url, from, { password: "open sesame" });
      expect(await fs.stat("/x")).toBeUndefined();
      await fs.close();
      const wrong = await open(url, from, { password: "guess" });
      const error = await failureOf(wrong.fs.stat("/x"));
      expect(error).toMatchObject({ code: "auth" });
      expect(String(error)).not.toContain("guess");
      close();
    }
  });
});

/** A server of our own: sshd takes no passwords but the system's. Knows no file. */
async function passwordServer(method: string): Promise<{ port: number; close: () => void }> {
  const { private: hostKey } = ssh2.utils.generateKeyPairSync("ed25519");
  const made = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    client.on("error", () => undefined);
    client.on("authentication", (context) => {
      if (context.method !== method) context.reject([method as "password"]);
      else if (context.method === "password" && context.password === "open sesame") context.accept();
      else if (context.method === "keyboard-interactive")
        context.prompt([{ prompt: "Say it: ", echo: false }], (answers) => {
          if (answers[0] === "open sesame") context.accept();
          else context.reject();
        });
      else context.reject();
    });
    client.on("session", (accept) => {
      accept().on("sftp", (take) => {
        const sftp = take();
        sftp.on("STAT", (id) => {
          sftp.status(id, 2);
        });
      });
    });
  });
  await new Promise<void>((done) => {
    made.listen(0, "127.0.0.1", () => {
      done();
    });
  });
  return { port: (made.address() as AddressInfo).port, close: () => made.close() };
}

describe("data at ssh:// URLs", () => {
  it("records the md5 of imported files, as DVC does, and brings a change", () => {
    const source = join(server.folder, "source");
    mkdirSync(join(source, "sub"), { recursive: true });
    writeFileSync(join(source, "f"), "hello\n");
    writeFileSync(join(source, "sub", "g"), "there\n");
    const rig = new Rig().project();
    const env = { HOME: server.home };
    const ok = (...words: string[]): string => {
      const { code, out, err } = rig.run(words, { env });
      if (code !== 0) throw new Error(`${words.join(" ")}: ${err}${out}`);
      return out;
    };
    ok("import-url", "-q", `${direct()}/source/f`, "file");
    // The digests are those that DVC 3.67.1 records for the same files.
    expect(rig.read("file.dvc")).toContain("deps:\n- md5: b1946ac92492d2347c6235b4d2611184\n  size: 6\n  hash: md5\n");
    ok("import-url", "-q", `${direct()}/source`, "folder");
    const digest = "b6677639aed0febd04ff908d05464d1b.dir\n  size: 12\n  nfiles: 2\n  hash: md5\n";
    expect(rig.read("folder.dvc")).toContain(`deps:\n- md5: ${digest}`);
    expect(ok("status")).toContain("up to date");
    writeFileSync(join(source, "f"), "changed\n");
    ok("update", "-q", "file.dvc");
    expect(rig.read("file")).toBe("changed\n");
    rig.close();
  });
});
