import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { posix } from "node:path";
import type { FileEntryWithStats } from "ssh2";
import { StorageError } from "../base/errors.ts";
import { processAlive } from "./atomic.ts";
import { md5Hex } from "./fileHash.ts";
import type { Source, WriteOptions } from "./filesystem.ts";
import { mayGoOnLater } from "./retry.ts";
import { sizeOf, withFile, writeBytes, writeFileTo } from "./sftpFile.ts";
import { entriesOf, makeFolder, NO_SUCH_FILE, rename, statOf, statusOf, unlink } from "./sftpNames.ts";
import type { SftpChannel } from "./sshConnection.ts";
import { wrongBytes } from "./uploadFile.ts";

/** Smaller files are sent anew: that costs less than to look for what is there (bytes). */
const KEPT_FROM = 8 << 20;
/** In the names of temporary files: who on which machine writes them. */
const ASIDE = /^(.*)\.([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.hftmp$/s;
const MACHINE = md5Hex(Buffer.from(hostname())).slice(0, 8);

/** What an upload asks of the server beside SFTP. */
export interface UploadServer {
  /** For messages. */
  readonly url: (path: string) => string;
  /** Hex md5 of a file, computed there; undefined where that can't be had. */
  readonly md5: (path: string) => Promise<string | undefined>;
}

/** One file on its way to the server. */
export interface SshUpload {
  readonly path: string;
  readonly source: Source;
  readonly options: WriteOptions;
  /** Temporary files of earlier tries that may still be there. */
  readonly lost: Set<string>;
}

interface Left {
  readonly aside: string;
  /** Bytes that are there. */
  readonly size: number;
}

type LargeUpload = SshUpload & { readonly source: Extract<Source, { readonly file: string }> };

/**
 * Writes files beside their place first, then renames: readers never see half of one. Each try has a name of its own: a server
 * may still be busy with what it got on the connection that was lost, and rename what a later try only writes.
 *
 * A large file that this machine began to send and did not finish is gone on with, provided that the server can hash: only
 * when all that lies there then has the hash that is wanted does it get its name, else it is sent anew.
 */
export class SshUploads {
  readonly #server: UploadServer;
  readonly #folders: Set<string> = new Set<string>();
  #canHash: Promise<boolean> | undefined;

  constructor(server: UploadServer) {
    this.#server = server;
  }

  /** Tries once. @throws {StorageError, CorruptObjectError}, SFTP's errors */
  async put(channel: SftpChannel, upload: SshUpload): Promise<void> {
    if (mayGoOn(upload)) {
      const left = await this.#takeLeft(channel, upload);
      if (left !== undefined && (await this.#putRest(channel, upload, left))) return;
    }
    const { path } = upload;
    const aside = asideOf(path);
    await this.#orRemoved(channel, upload, aside, async () => {
      await this.#inFolder(channel, path, () =>
        withFile(channel, aside, "w", (handle) => this.#send(channel, handle, upload, 0)),
      );
      await rename(channel, aside, path);
    });
  }

  /** What is not finished is removed; what may be gone on with stays. */
  async #orRemoved<T>(channel: SftpChannel, upload: SshUpload, aside: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (mayGoOn(upload) && mayGoOnLater(error, upload.options.signal)) upload.lost.add(aside);
      else await unlink(channel, aside).catch(() => upload.lost.add(aside));
      throw error;
    }
  }

  /** The largest temporary file of this upload whose writer has ended, under a name of our own; the others are removed. */
  async #takeLeft(channel: SftpChannel, { path, source, lost }: LargeUpload): Promise<Left | undefined> {
    const folder = posix.dirname(path);
    const all = await entriesOf(channel, folder).catch((error: unknown): FileEntryWithStats[] => {
      if (statusOf(error) === undefined) throw error;
      return [];
    });
    const ours = all.filter(({ filename }) => isLeft(filename, path, lost));
    if (ours.length === 0) return undefined;
    const canHash = await this.#hashes();
    let taken: Left | undefined;
    for (const { filename, attrs } of ours.sort((a, b) => b.attrs.size - a.attrs.size)) {
      const found = posix.join(folder, filename);
      const aside = asideOf(path);
      try {
        if (taken === undefined && canHash && attrs.size <= source.size) {
          await rename(channel, found, aside);
          taken = { aside, size: attrs.size };
        } else await unlink(channel, found);
      } catch (error) {
        // Somebody else has it.
        if (statusOf(error) === undefined) throw error;
      }
    }
    return taken;
  }

  /** Whether the server tells MD5s; asked once. */
  async #hashes(): Promise<boolean> {
    this.#canHash ??= this.#server.md5("/dev/null").then((said) => said === md5Hex(Buffer.alloc(0)));
    try {
      return await this.#canHash;
    } catch (error) {
      this.#canHash = undefined; // A lost connection says nothing of the server.
      throw error;
    }
  }

  /** @returns false when what lies there then is not what is wanted: it is removed */
  async #putRest(channel: SftpChannel, upload: LargeUpload, { aside, size }: Left): Promise<boolean> {
    const { path, source, options } = upload;
    return this.#orRemoved(channel, upload, aside, async () => {
      await withFile(channel, aside, "r+", (handle) => this.#send(channel, handle, upload, size));
      if ((await this.#server.md5(aside)) === options.md5) {
        await rename(channel, aside, path);
        return true;
      }
      options.onBytes?.(-source.size);
      // Also what tells that the connection was lost meanwhile.
      await unlink(channel, aside);
      return false;
    });
  }

  /** `start`: bytes of a file that are there, and are not hashed here. */
  async #send(
    channel: SftpChannel,
    handle: Buffer,
    { path, source, options }: SshUpload,
    start: number,
  ): Promise<void> {
    let counted = 0;
    const count = (bytes: number): void => {
      counted += bytes;
      options.onBytes?.(bytes);
    };
    try {
      if ("bytes" in source) {
        const { md5 } = await writeBytes(channel, handle, source.bytes, count, options.signal);
        this.#checkHash(path, md5, options);
        return;
      }
      if (start > 0) count(start);
      const call = { start, onBytes: count, signal: options.signal };
      const { md5, sent, isWhole } = await writeFileTo(channel, handle, source, call);
      if (start === 0) this.#checkHash(path, md5, options);
      if (!isWhole || (await sizeOf(channel, handle)) !== sent)
        throw new StorageError(`'${source.file}' changed while it was sent`, {
          protocol: "ssh",
          path: this.#server.url(path),
        });
    } catch (error) {
      if (counted > 0) options.onBytes?.(-counted);
      throw error;
    }
  }

  #checkHash(path: string, actual: string, { md5 }: WriteOptions): void {
    if (md5 !== undefined && md5 !== actual) throw wrongBytes(this.#server.url(path), md5, actual);
  }

  /** Makes the folder of a file when it turns out to be missing. */
  async #inFolder(channel: SftpChannel, path: string, work: () => Promise<void>): Promise<void> {
    const folder = posix.dirname(path);
    try {
      await work();
    } catch (error) {
      if (statusOf(error) !== NO_SUCH_FILE) throw error;
      this.#folders.delete(folder);
      await this.#makeFolder(channel, folder);
      await work();
    }
  }

  async #makeFolder(channel: SftpChannel, folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    try {
      await makeFolder(channel, folder);
    } catch (error) {
      if (statusOf(error) === NO_SUCH_FILE && posix.dirname(folder) !== folder) {
        await this.#makeFolder(channel, posix.dirname(folder));
        await makeFolder(channel, folder).catch(() => undefined);
      }
      const there = await statOf(channel, folder).catch((failure: unknown) => {
        // A lost connection says nothing about the folder.
        if (statusOf(failure) === undefined) throw failure;
        return undefined;
      });
      if (there?.isDirectory() !== true) throw error;
    }
    this.#folders.add(folder);
  }
}

function asideOf(path: string): string {
  return `${path}.${MACHINE}-${String(process.pid)}-${randomBytes(4).toString("hex")}.hftmp`;
}

function isLeft(name: string, path: string, lost: ReadonlySet<string>): boolean {
  const [, of, machine, pid] = ASIDE.exec(name) ?? [];
  if (of !== posix.basename(path) || machine !== MACHINE) return false;
  return !processAlive(Number(pid)) || lost.has(posix.join(posix.dirname(path), name));
}

/** Only what has a known hash can be verified as a whole, where a part of it came from another try. */
function mayGoOn(upload: SshUpload): upload is LargeUpload {
  const { source, options } = upload;
  return "file" in source && source.size >= KEPT_FROM && options.md5 !== undefined;
}
