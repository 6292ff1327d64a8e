import { spawn } from "node:child_process";
import { Duplex, type Readable } from "node:stream";
import ssh2, { type Client, type ConnectConfig, type SFTPWrapper } from "ssh2";
import { StorageError } from "../base/errors.ts";
import { reasonOf } from "./httpFailure.ts";
import { fingerprint, KnownHosts, keyType } from "./knownHosts.ts";
import { type Login, loginOf } from "./sshLogin.ts";
import type { SshHop, SshSettings } from "./sshSettings.ts";

const KEEP_ALIVE_MS = 15_000;
const MISSED_KEEP_ALIVES = 4;
const HOST_KEYS = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
  "ssh-rsa",
];

/** Hears how a request ended. */
type Done<T> = (error: Error | null | undefined, value: T) => void;

/** One SFTP channel: requests on it end with the connection, whatever happens. */
export class SftpChannel {
  readonly #sftp: SFTPWrapper;
  readonly #about: string;
  readonly #waiting: Set<(error: Error) => void> = new Set<(error: Error) => void>();
  #lost: Error | undefined;

  /** `about`: the server's URL, for messages. */
  constructor(sftp: SFTPWrapper, about: string) {
    this.#sftp = sftp;
    this.#about = about;
  }

  /** Sends one request. Rejects with the server's error, whose `code` is SFTP's status, or with that of a lost connection. */
  call<T>(start: (sftp: SFTPWrapper, done: Done<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#lost !== undefined) {
        reject(this.#lost);
        return;
      }
      this.#waiting.add(reject);
      start(this.#sftp, (error, value) => {
        this.#waiting.delete(reject);
        if (!(error instanceof Error)) resolve(value);
        else if (typeof (error as { code?: unknown }).code === "number") reject(error);
        else reject(lost(this.#about, error));
      });
    });
  }

  /** Sends one request that a status answers. */
  tell(start: (sftp: SFTPWrapper, done: (error?: Error | null) => void) => void): Promise<void> {
    return this.call((sftp, done: Done<void>) => {
      start(sftp, (error) => {
        done(error, undefined);
      });
    });
  }

  /** Ends all requests under way, and those to come. */
  lose(error: Error): void {
    this.#lost ??= error;
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }
}

/** A connection to a server, through others where the settings say so, with its SFTP channels. */
export class SshConnection {
  readonly #clients: Client[] = [];
  readonly #channels: SftpChannel[] = [];
  readonly #about: string;
  #isLost = false;
  #next = 0;

  private constructor(about: string) {
    this.#about = about;
  }

  /** @throws {StorageError} that says what is wrong */
  static async open(settings: SshSettings): Promise<SshConnection> {
    const { target, jumps, channels } = settings;
    const made = new SshConnection(`ssh://${target.host}:${String(target.port)}`);
    try {
      for (const hop of [...jumps, target]) await made.#connect(hop, settings);
      const wanted = Array.from({ length: channels }, () => made.#openChannel());
      const opened = await Promise.allSettled(wanted);
      // A server may allow fewer.
      if (made.#channels.length === 0)
        for (const one of opened) if (one.status === "rejected") throw made.#noChannel(one.reason as Error);
      return made;
    } catch (error) {
      made.close();
      throw error;
    }
  }

  get isOpen(): boolean {
    return !this.#isLost;
  }

  /** The next channel in turn. */
  channel(): SftpChannel {
    const channel = this.#channels[this.#next++ % this.#channels.length];
    if (channel === undefined) throw lost(this.#about);
    return channel;
  }

  /** Runs a command on the server. @returns what it printed; undefined when it failed or may not run */
  run(command: string): Promise<string | undefined> {
    const client = this.#clients.at(-1);
    return new Promise((resolve) => {
      if (client === undefined || this.#isLost) {
        resolve(undefined);
        return;
      }
      client.exec(command, (error, stream) => {
        if (error !== undefined) {
          resolve(undefined);
          return;
        }
        let said = "";
        stream.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
        stream.stderr.resume();
        // Where only SFTP is allowed that is what runs, and waits for what it is asked.
        stream.end();
        stream.once("close", (code: number | null) => {
          resolve(code === 0 ? said : undefined);
        });
      });
    });
  }

  close(): void {
    this.#lose(lost(this.#about));
    for (const client of this.#clients.reverse()) client.end();
  }

  async #connect(hop: SshHop, settings: SshSettings): Promise<void> {
    const way = await this.#wayTo(hop);
    const client = await connected(hop, settings, way);
    this.#clients.push(client);
    client.on("error", (error) => {
      this.#lose(lost(this.#about, error));
    });
    client.on("close", () => {
      this.#lose(lost(this.#about));
    });
  }

  async #wayTo({ host, port, proxyCommand }: SshHop): Promise<Readable | undefined> {
    const before = this.#clients.at(-1);
    if (before !== undefined)
      return new Promise((resolve, reject) => {
        before.forwardOut("127.0.0.1", 0, host, port, (error, stream) => {
          if (error === undefined) resolve(stream);
          else reject(refused(host, port, error));
        });
      });
    if (proxyCommand === undefined) return undefined;
    const child = spawn(proxyCommand, { shell: true, stdio: ["pipe", "pipe", "inherit"] });
    child.once("error", () => child.stdout.destroy());
    return Duplex.from({ readable: child.stdout, writable: child.stdin });
  }

  #openChannel(): Promise<void> {
    const client = this.#clients.at(-1);
    return new Promise((resolve, reject) => {
      client?.sftp((error, sftp) => {
        if (error !== undefined) {
          reject(error);
          return;
        }
        const channel = new SftpChannel(sftp, this.#about);
        this.#channels.push(channel);
        // All begin anew then: one dead channel would fail each request in its turn.
        sftp.on("error", (cause: Error) => {
          this.#lose(lost(this.#about, cause));
        });
        sftp.on("close", () => {
          this.#lose(lost(this.#about));
        });
        resolve();
      });
    });
  }

  #noChannel(cause: Error): StorageError {
    // What else ends a channel that is being opened is the end of the connection.
    if (!/start subsystem|open failure/i.test(cause.message)) return lost(this.#about, cause);
    const at = { protocol: "ssh", path: this.#about, cause };
    return new StorageError(`${this.#about} offers no SFTP`, {
      ...at,
      hint: "Ask whoever runs it for the SFTP subsystem.",
    });
  }

  #lose(error: Error): void {
    this.#isLost = true;
    for (const channel of this.#channels) channel.lose(error);
  }
}

function connected(hop: SshHop, settings: SshSettings, sock: Readable | undefined): Promise<Client> {
  const login = loginOf(hop, settings);
  const known = new KnownHosts(hop.knownHostsFiles);
  let refusal: StorageError | undefined;
  const config: ConnectConfig = {
    host: hop.host,
    port: hop.port,
    username: hop.user,
    ...(sock === undefined ? {} : { sock }),
    authHandler: login.methods,
    readyTimeout: settings.connectTimeoutMs,
    keepaliveInterval: KEEP_ALIVE_MS,
    keepaliveCountMax: MISSED_KEEP_ALIVES,
    algorithms: { serverHostKey: hostKeysFor(known.keyTypes(hop.host, hop.port)) as never },
    hostVerifier: (key: Buffer): boolean => {
      refusal = checkHost(hop, known, key);
      return refusal === undefined;
    },
  };
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    client.once("ready", () => {
      client.off("error", failed).off("close", cut);
      // Small requests would else wait for the other side's delayed acknowledgement, 40 ms each.
      client.setNoDelay(true);
      resolve(client);
    });
    const failed = (error: Error): void => {
      client.on("error", () => undefined);
      client.destroy();
      reject(refusal ?? connectFailure(hop, login, error));
    };
    // A connection that ends in the middle of the greeting is no error to the library.
    const cut = (): void => {
      failed(new Error("the connection was cut"));
    };
    client.once("error", failed).once("close", cut);
    client.connect(config);
  });
}

/** Algorithms for keys that are known first, so that the server shows one of those. */
function hostKeysFor(types: readonly string[]): string[] {
  const isKnown = (algorithm: string): boolean =>
    types.includes(algorithm.startsWith("rsa-sha2-") ? "ssh-rsa" : algorithm);
  return [...HOST_KEYS.filter(isKnown), ...HOST_KEYS.filter((one) => !isKnown(one))];
}

function checkHost({ host, port, unknownHost }: SshHop, known: KnownHosts, key: Buffer): StorageError | undefined {
  const verdict = known.judge(host, port, key);
  if (verdict === "known" || (verdict === "unknown" && unknownHost === "accept")) return undefined;
  if (verdict === "unknown" && unknownHost === "add") {
    known.add(host, port, key);
    return undefined;
  }
  const shown = `${keyType(key)} ${fingerprint(key)}`;
  const at = { protocol: "ssh", path: `ssh://${host}:${String(port)}`, code: "auth" as const };
  const place = port === 22 ? host : `[${host}]:${String(port)}`;
  if (verdict === "unknown")
    return new StorageError(`the host key of '${host}' is not known: ${shown}`, {
      ...at,
      hint: `Compare it with what the server's owner says, then add it: 'ssh-keyscan -p ${String(port)} ${host} >> ~/.ssh/known_hosts', or log in once with 'ssh'.`,
    });
  const what = verdict === "revoked" ? "is marked as revoked" : "is not the one that was known";
  return new StorageError(`the host key of '${host}' ${what}: ${shown}; somebody may be listening in`, {
    ...at,
    hint: `If it was changed on purpose, remove the old one: 'ssh-keygen -R ${place}'.`,
  });
}

function connectFailure({ host, port, user }: SshHop, { tried, left }: Login, cause: Error): StorageError {
  const at = { protocol: "ssh", path: `ssh://${host}:${String(port)}`, cause };
  if ((cause as { level?: string }).level === "client-authentication") {
    const ways = tried.length === 0 ? "there was nothing to log in with" : `tried: ${tried.join(", ")}`;
    const others = left.length === 0 ? "" : `; not usable: ${left.join(", ")}`;
    return new StorageError(`'${host}' does not let user '${user}' in (${ways}${others})`, {
      ...at,
      code: "auth",
      hint: "Check `user`, `keyfile` and `password` of the remote, and whether `ssh` gets in.",
    });
  }
  return refused(host, port, cause);
}

function refused(host: string, port: number, cause: Error): StorageError {
  return new StorageError(`no connection to ${host}:${String(port)}: ${reasonOf(cause)}`, {
    protocol: "ssh",
    path: `ssh://${host}:${String(port)}`,
    cause,
    retryable: !/ENOTFOUND|getaddrinfo/.test(cause.message),
    hint: "Check the network, the host and the port, and whether `ssh` gets there.",
  });
}

function lost(about: string, cause?: Error): StorageError {
  return new StorageError(`the connection to ${about} was lost`, {
    protocol: "ssh",
    path: about,
    retryable: true,
    cause,
  });
}
