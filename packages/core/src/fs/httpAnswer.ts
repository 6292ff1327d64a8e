/** Header names in lower case; of repeated ones the first counts (those that say where the answer ends must agree). */
export type AnswerHeaders = Readonly<Record<string, string | undefined>>;

/**
 * Takes the bytes of a body as they come; `false`: enough, the rest is not wanted. The bytes are valid only during the
 * call: the buffer is used again.
 */
export type BodySink = (chunk: Buffer) => boolean | undefined;

/** Chooses what becomes of a body when its head is known; undefined: it is collected. */
export type SinkOf = (status: number, headers: AnswerHeaders) => BodySink | undefined;

/** Heads longer than this are no storage's. */
const MAX_HEAD_BYTES = 64 << 10;
/** Of the body of an error answer only so much is kept. */
const MAX_ERROR_BYTES = 1 << 20;
/** The most that is collected in memory: the largest manifest that is read. */
export const MAX_COLLECTED_BYTES: number = 1 << 29;
/** So many "100 Continue" and the like before the answer itself. */
const MAX_INTERIM = 16;
/** Of these a second one that differs would leave open where the answer ends. */
const ONE_MEANING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);
/** More than is collected: asking again would bring it again. */
export class AnswerTooLongError extends Error {}

const END_OF_HEAD = "\r\n\r\n";

/**
 * Reads one HTTP/1.1 answer from the pieces that a connection delivers: a body of known length, in chunks, or up to the
 * end of the connection.
 */
export class AnswerReader {
  status = 0;
  headers: AnswerHeaders = {};
  /** Whether the body was read to its end, and the connection may carry another request. */
  complete = false;
  keepAlive = false;
  readonly #isHead: boolean;
  readonly #sinkOf: SinkOf | undefined;
  #head: Buffer | undefined;
  #sink: BodySink | undefined;
  #framing: "head" | "length" | "chunks" | "close" = "head";
  /** Bytes of the body, or of the current chunk, still to come. */
  #left = 0;
  #chunkPart: "size" | "data" | "dataEnd" | "trailer" = "size";
  #line = "";
  #trailerBytes = 0;
  #interim = 0;
  #kept: Buffer[] = [];
  #keptBytes = 0;

  constructor(isHead: boolean, sinkOf: SinkOf | undefined) {
    this.#isHead = isHead;
    this.#sinkOf = sinkOf;
  }

  /** Whether nothing has come yet. */
  get isUntouched(): boolean {
    return this.#framing === "head" && this.#head === undefined && this.#interim === 0;
  }

  /** The collected body. */
  get body(): Buffer {
    const [only] = this.#kept;
    return this.#kept.length === 1 && only !== undefined ? only : Buffer.concat(this.#kept);
  }

  /** Takes the next bytes; true when the answer is over, by its end or because the sink has enough. @throws {Error} for what is no HTTP. */
  push(bytes: Buffer): boolean {
    let rest = bytes;
    while (this.#framing === "head") {
      const after = this.#readHead(rest);
      if (after === undefined) return false;
      rest = after;
      if (this.complete) return this.#end(rest.length);
    }
    if (rest.length === 0) return false;
    if (this.#framing === "chunks") return this.#readChunks(rest);
    if (this.#framing === "close") return !this.#take(rest);
    const part = rest.length > this.#left ? rest.subarray(0, this.#left) : rest;
    this.#left -= part.length;
    if (!this.#take(part)) return true;
    if (this.#left > 0) return false;
    return this.#end(rest.length - part.length);
  }

  /** The connection has ended; false when that cut the answer short. */
  endOfConnection(): boolean {
    if (this.#framing === "close") this.complete = true;
    return this.complete;
  }

  #end(surplus: number): true {
    this.complete = true;
    // Bytes behind the answer belong to nothing that was asked.
    if (surplus > 0) this.keepAlive = false;
    return true;
  }

  #readHead(bytes: Buffer): Buffer | undefined {
    const all = this.#head === undefined ? bytes : Buffer.concat([this.#head, bytes]);
    const end = all.indexOf(END_OF_HEAD);
    if (end === -1 || end > MAX_HEAD_BYTES) {
      if (all.length > MAX_HEAD_BYTES) throw new Error("the head of the answer is too long");
      // A copy: the buffer is used again.
      this.#head = Buffer.from(all);
      return undefined;
    }
    this.#head = undefined;
    this.#parseHead(all.toString("latin1", 0, end));
    return all.subarray(end + END_OF_HEAD.length);
  }

  #parseHead(text: string): void {
    const lines = text.split("\r\n");
    const first = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(lines[0] ?? "");
    if (first === null) throw new Error("the answer is not HTTP");
    const status = Number(first[2]);
    // "100 Continue": the answer itself follows. After 101 no HTTP would, and nobody asked for that.
    if (status < 200) {
      if (status === 101 || ++this.#interim > MAX_INTERIM) throw new Error("the answer is not HTTP");
      return;
    }
    const headers = parseHeaders(lines);
    this.status = status;
    this.headers = headers;
    const connection = headers["connection"] ?? "";
    this.keepAlive = first[1] === "1" ? !/\bclose\b/i.test(connection) : /\bkeep-alive\b/i.test(connection);
    this.#chooseFraming(headers);
    // The bodies of errors are small and say why.
    this.#sink = status < 300 ? this.#sinkOf?.(status, headers) : undefined;
    if (this.#sink === undefined && status < 300) this.#checkSize(this.#left);
  }

  #chooseFraming(headers: AnswerHeaders): void {
    const length = headers["content-length"];
    if (this.#isHead || this.status === 204 || this.status === 304) {
      this.#framing = "length";
      this.complete = true;
    } else if (headers["transfer-encoding"] !== undefined) {
      if (length !== undefined || headers["transfer-encoding"].toLowerCase() !== "chunked")
        throw new Error("the answer's encoding is not known");
      this.#framing = "chunks";
    } else if (length !== undefined) {
      if (!/^\d{1,15}$/.test(length)) throw new Error("the answer's length is no number");
      this.#framing = "length";
      this.#left = Number(length);
      this.complete = this.#left === 0;
    } else {
      this.#framing = "close";
      this.keepAlive = false;
    }
  }

  #readChunks(bytes: Buffer): boolean {
    let at = 0;
    while (at < bytes.length) {
      if (this.#chunkPart === "data") {
        const part = bytes.subarray(at, at + this.#left);
        at += part.length;
        this.#left -= part.length;
        if (this.#left === 0) this.#chunkPart = "dataEnd";
        if (!this.#take(part)) return true;
        continue;
      }
      const end = bytes.indexOf(10, at);
      this.#line += bytes.toString("latin1", at, end === -1 ? bytes.length : end);
      if (this.#line.length > MAX_HEAD_BYTES) throw new Error("the answer's chunks are not HTTP");
      if (end === -1) return false;
      at = end + 1;
      const line = this.#line.endsWith("\r") ? this.#line.slice(0, -1) : this.#line;
      this.#line = "";
      if (this.#endOfLine(line)) return this.#end(bytes.length - at);
    }
    return false;
  }

  /** Between the data of chunks: a size, the end of the data, or a trailer; true at the very end. */
  #endOfLine(line: string): boolean {
    if (this.#chunkPart === "trailer") {
      this.#trailerBytes += line.length + 2;
      if (this.#trailerBytes > MAX_HEAD_BYTES) throw new Error("the answer's chunks are not HTTP");
      return line === "";
    }
    if (this.#chunkPart === "dataEnd") {
      if (line !== "") throw new Error("the answer's chunks are not HTTP");
      this.#chunkPart = "size";
      return false;
    }
    const size = /^([0-9a-f]{1,12})\s*(?:;|$)/i.exec(line);
    if (size === null) throw new Error("the answer's chunks are not HTTP");
    this.#left = parseInt(size[1] as string, 16);
    this.#chunkPart = this.#left === 0 ? "trailer" : "data";
    return false;
  }

  #take(chunk: Buffer): boolean {
    if (this.#sink !== undefined) return this.#sink(chunk) !== false;
    this.#keptBytes += chunk.length;
    this.#checkSize(this.#keptBytes);
    // The rest of a long error is not waited for.
    if (this.status >= 300 && this.#keptBytes > MAX_ERROR_BYTES) return false;
    this.#kept.push(Buffer.from(chunk));
    return true;
  }

  #checkSize(bytes: number): void {
    if (bytes > MAX_COLLECTED_BYTES) throw new AnswerTooLongError("the answer is too long");
  }
}

function parseHeaders(lines: readonly string[]): AnswerHeaders {
  const headers: Record<string, string> = {};
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] as string;
    const colon = line.indexOf(":");
    const raw = line.slice(0, Math.max(0, colon));
    const name = NAMES.get(raw) ?? headerName(raw);
    const value = line.slice(colon + 1).trim();
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (before !== value && ONE_MEANING.has(name)) throw new Error(`the answer has two different '${name}'`);
  }
  return headers;
}

/** Names as servers write them, in lower case: a server always sends the same ones, and this was 10 us an answer. */
const NAMES: Map<string, string> = new Map<string, string>();
const MAX_NAMES = 200;

function headerName(raw: string): string {
  // Blanks at the ends of a name: a folded line, or a name that others may read differently.
  if (raw === "" || raw.trim() !== raw) throw new Error("the answer is not HTTP");
  const name = raw.toLowerCase();
  if (NAMES.size < MAX_NAMES && raw.length <= 64) NAMES.set(raw, name);
  return name;
}
