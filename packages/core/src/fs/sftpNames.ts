import type { FileEntryWithStats, Stats } from "ssh2";
import type { SftpChannel } from "./sshConnection.ts";

/** SFTP's status codes (draft-ietf-secsh-filexfer-02, 7). */
export const NO_SUCH_FILE = 2;
export const PERMISSION_DENIED = 3;

/** SFTP's status; undefined for other errors, whose codes are words. */
export function statusOf(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "number" ? code : undefined;
}

/** What is at a path, behind links. */
export function statOf(channel: SftpChannel, path: string): Promise<Stats> {
  return channel.call((sftp, done) => {
    sftp.stat(path, done);
  });
}

/** The entries of a folder, links as links, without itself and its parent. */
export async function entriesOf(channel: SftpChannel, folder: string): Promise<FileEntryWithStats[]> {
  const entries = await channel.call<FileEntryWithStats[]>((sftp, done) => {
    sftp.readdir(folder, done);
  });
  return entries.filter(({ filename }) => filename !== "." && filename !== "..");
}

/** Over what is there. Servers without OpenSSH's extension refuse that: there the old file goes first. */
export async function rename(channel: SftpChannel, from: string, to: string): Promise<void> {
  const plain = (): Promise<void> =>
    channel.tell((sftp, done) => {
      sftp.rename(from, to, done);
    });
  try {
    await channel.tell((sftp, done) => {
      sftp.ext_openssh_rename(from, to, done);
    });
  } catch (error) {
    if (!/not support/i.test((error as Error).message)) throw error;
    await plain().catch(async () => {
      await unlink(channel, to);
      await plain();
    });
  }
}

/** Removes a file. */
export function unlink(channel: SftpChannel, path: string): Promise<void> {
  return channel.tell((sftp, done) => {
    sftp.unlink(path, done);
  });
}

/** Makes one folder, whose parent is there. */
export function makeFolder(channel: SftpChannel, path: string): Promise<void> {
  return channel.tell((sftp, done) => {
    sftp.mkdir(path, done);
  });
}
