import { FormatError } from "../base/errors.ts";

/** One entry of a tar archive. */
export interface TarEntry {
  readonly name: string;
  readonly type: "file" | "link";
  /** Bytes that follow; 0 for links. */
  readonly size: number;
  readonly isExecutable?: boolean;
  /** Where a symbolic link leads. */
  readonly target?: string;
}

const BLOCK = 512;
const MAX_OCTAL = 0o77777777777;
/** Extended headers larger than this are refused (bytes): they hold a path. */
const MAX_EXTENDED = 1 << 20;
/** So many of them may stand before one entry. */
const MOST_EXTENDED = 4;

/** The header blocks of an entry, with an extended header where the old format can't say it. Owner and time are always the same. */
export function tarHeader(entry: TarEntry): Buffer {
  const { name, target = "", size } = entry;
  const records: string[] = [];
  if (Buffer.byteLength(name) > 100 || /[^\x20-\x7e]/.test(name)) records.push(record("path", name));
  if (Buffer.byteLength(target) > 100 || /[^\x20-\x7e]/.test(target)) records.push(record("linkpath", target));
  if (size > MAX_OCTAL) records.push(record("size", String(size)));
  const type = entry.type === "link" ? "2" : "0";
  const own = block(name, type, size > MAX_OCTAL ? 0 : size, entry.isExecutable === true ? 0o755 : 0o644, target);
  if (records.length === 0) return own;
  const text = Buffer.from(records.join(""));
  return Buffer.concat([block("pax_header", "x", text.length, 0o644, ""), text, tarPadding(text.length), own]);
}

/** What fills the last block of an entry. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** The end of an archive. */
export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK);

/** `LENGTH key=value\n`, where the length counts itself. */
function record(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return `${String(length)} ${key}=${value}\n`;
}

function block(name: string, type: string, size: number, mode: number, target: string): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, "0")}\0`;
  bytes.write(name, 0, 100);
  bytes.write(octal(mode, 8) + octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(0, 12), 100, "latin1");
  bytes.write(`        ${type}`, 148, "latin1");
  bytes.write(target, 157, 100);
  bytes.write("ustar\x0000", 257, "latin1");
  const sum = bytes.reduce((total, one) => total + one, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
}

/** Reads a tar archive piece by piece, whatever the pieces of the input. */
export class TarReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #name: string;
  #rest: Buffer = Buffer.alloc(0);
  #left = 0;

  /** `name` is that of the archive, for messages. */
  constructor(source: AsyncIterable<Uint8Array>, name: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#name = name;
  }

  /** The next entry; what was not read of the last one is passed over. Undefined at the end. @throws {FormatError} */
  async next(): Promise<TarEntry | undefined> {
    for await (const _chunk of this.body());
    let extended = new Map<string, string>();
    for (let before = 0; ; before++) {
      const header = await this.#exactly(BLOCK, true);
      if (header === undefined || header.every((byte) => byte === 0)) return undefined;
      const size = this.#checked(header);
      const type = header.toString("latin1", 156, 157);
      if (type === "x") {
        if (size > MAX_EXTENDED || before >= MOST_EXTENDED) throw this.#damaged("an extended header is too large");
        const text = (await this.#exactly(size)) as Buffer;
        await this.#exactly(tarPadding(size).length);
        extended = this.#records(text);
        continue;
      }
      return this.#entry(header, type, size, extended);
    }
  }

  /** The bytes of the present entry. */
  async *body(): AsyncGenerator<Buffer> {
    const padded = this.#left > 0;
    while (this.#left > 0) {
      if (this.#rest.length === 0 && !(await this.#more())) throw this.#damaged("it ends too early");
      const piece = this.#rest.subarray(0, this.#left);
      this.#rest = this.#rest.subarray(piece.length);
      this.#left -= piece.length;
      yield piece;
    }
    if (padded) await this.#exactly(tarPadding(this.#size).length);
  }

  #size = 0;

  #entry(header: Buffer, type: string, size: number, extended: ReadonlyMap<string, string>): TarEntry {
    if (type !== "0" && type !== "\0" && type !== "2") throw this.#damaged(`it holds an entry of type '${type}'`);
    const prefix = textAt(header, 345, 155);
    const short = textAt(header, 0, 100);
    const name = extended.get("path") ?? (prefix === "" ? short : `${prefix}/${short}`);
    const long = extended.get("size");
    const bytes = type === "2" ? 0 : long === undefined ? size : Number(long);
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw this.#damaged("a size is no number");
    this.#left = bytes;
    this.#size = bytes;
    if (type === "2")
      return { name, type: "link", size: 0, target: extended.get("linkpath") ?? textAt(header, 157, 100) };
    const mode = Number.parseInt(textAt(header, 100, 8), 8);
    return { name, type: "file", size: bytes, isExecutable: (mode & 0o100) !== 0 };
  }

  /** The size of the entry. */
  #checked(header: Buffer): number {
    const stated = Number.parseInt(textAt(header, 148, 8), 8);
    let sum = 0;
    for (let at = 0; at < BLOCK; at++) sum += at >= 148 && at < 156 ? 32 : (header[at] ?? 0);
    if (sum !== stated) throw this.#damaged("a checksum is wrong");
    const size = Number.parseInt(textAt(header, 124, 12), 8);
    if (!Number.isSafeInteger(size) || size < 0) throw this.#damaged("a size is no number");
    return size;
  }

  #records(bytes: Buffer): Map<string, string> {
    const found = new Map<string, string>();
    for (let at = 0; at < bytes.length;) {
      const space = bytes.indexOf(32, at);
      const length = Number(bytes.toString("latin1", at, space));
      if (space < 0 || !Number.isSafeInteger(length) || length < 5 || at + length > bytes.length)
        throw this.#damaged("an extended header is broken");
      const text = bytes.toString("utf8", space + 1, at + length - 1);
      const equals = text.indexOf("=");
      found.set(text.slice(0, equals), text.slice(equals + 1));
      at += length;
    }
    return found;
  }

  async #exactly(count: number, orEnd = false): Promise<Buffer | undefined> {
    while (this.#rest.length < count) {
      if (await this.#more()) continue;
      if (orEnd && this.#rest.length === 0) return undefined;
      throw this.#damaged("it ends too early");
    }
    const piece = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return piece;
  }

  async #more(): Promise<boolean> {
    const step = await this.#source.next();
    if (step.done === true) return false;
    const chunk = Buffer.from(step.value.buffer, step.value.byteOffset, step.value.byteLength);
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    return true;
  }

  #damaged(reason: string): FormatError {
    return new FormatError(`'${this.#name}' is no snapshot archive, or damaged: ${reason}`, { file: this.#name });
  }
}

function textAt(bytes: Buffer, at: number, length: number): string {
  const end = bytes.indexOf(0, at);
  return bytes.toString("utf8", at, end < 0 || end > at + length ? at + length : end);
}
