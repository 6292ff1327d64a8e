import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { serving } from "./serverProcess.ts";

/** A real OpenSSH server on a loopback port. It lets in whoever runs the tests, with the key in `home/.ssh`. */
export interface SshServer {
  readonly port: number;
  /** A home folder: `.ssh/id_ed25519` is let in, `.ssh/known_hosts` holds the server's key. */
  readonly home: string;
  /** An empty folder for files. */
  readonly folder: string;
  stop(): Promise<void>;
}

const PROGRAMS = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"];

/** Starts sshd. Its absence fails: tests of SSH are not skipped. `sftpOnly`: whatever a client wants to run, it gets SFTP. */
export async function startSshServer({ sftpOnly = false } = {}): Promise<SshServer> {
  const program = PROGRAMS.find((path) => existsSync(path));
  if (program === undefined) throw new Error("sshd is missing: node scripts/setup-test-servers.mjs");
  const base = mkdtempSync(join(tmpdir(), "hf-ssh-"));
  const home = join(base, "home");
  const folder = join(base, "data");
  for (const path of [home, join(home, ".ssh"), folder]) mkdirSync(path, { mode: 0o700 });
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  const hostKey = makeKey(join(base, "host"));
  const userKey = makeKey(join(home, ".ssh", "id_ed25519"));
  writeFileSync(join(base, "authorized_keys"), userKey);
  const port = await freePort();
  writeFileSync(join(home, ".ssh", "known_hosts"), `[127.0.0.1]:${String(port)} ${hostKey}`);
  writeFileSync(
    join(base, "sshd_config"),
    configuration(base, port) + (sftpOnly ? "ForceCommand internal-sftp\n" : ""),
  );
  const child = spawn(program, ["-D", "-e", "-f", join(base, "sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
  const stop = await serving({ name: "sshd", child, port, home: base });
  return { port, home, folder, stop };
}

/** Makes a pair of keys. @returns the public one */
export function makeKey(path: string, passphrase = ""): string {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-f", path]);
  return readFileSync(`${path}.pub`, "utf8");
}

function configuration(base: string, port: number): string {
  return `Port ${String(port)}
ListenAddress 127.0.0.1
HostKey ${base}/host
PidFile none
AuthorizedKeysFile ${base}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
AcceptEnv GIT_PROTOCOL
MaxSessions 64
MaxStartups 100
`;
}
