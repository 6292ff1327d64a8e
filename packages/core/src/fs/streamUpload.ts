import { createReadStream } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";

/** Whether and against what certificates are checked. */
export interface TlsChoice {
  readonly rejectUnauthorized?: boolean;
  readonly ca?: Buffer;
  /** The client's own certificate and its key, PEM. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** A local file on its way to a server. */
export interface StreamedUpload {
  readonly method: string;
  /** Without the length. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsChoice;
  readonly file: string;
  /** Bytes. */
  readonly size: number;
  readonly signal: AbortSignal | undefined;
  /** How long nothing may happen (ms), default a minute. */
  readonly quietMs?: number;
  /** Hears every piece as it is read. */
  readonly onChunk: (chunk: Buffer) => void;
}

const QUIET_MS = 60_000;
const MAX_ANSWER = 1 << 20;

/** Sends a file in one request, a MiB at a time, and gives the answer. Rejects with the system's own errors. */
export function sendFileTo(place: URL, upload: StreamedUpload): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { ...upload.headers, "content-length": String(upload.size) };
    const options = { method: upload.method, headers, timeout: upload.quietMs ?? QUIET_MS, signal: upload.signal };
    const answered = (response: IncomingMessage): void => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        if (body.length < MAX_ANSWER) body += text;
      });
      response.once("end", () => {
        resolve({ status: response.statusCode ?? 0, body });
      });
      response.once("error", reject);
    };
    const sent =
      place.protocol === "https:"
        ? httpsRequest(place, { ...options, ...upload.tls }, answered)
        : httpRequest(place, options, answered);
    sent.once("timeout", () =>
      sent.destroy(new Error(`no answer within ${String((upload.quietMs ?? QUIET_MS) / 1000)} s`)),
    );
    sent.once("error", reject);
    const bytes = createReadStream(upload.file, { highWaterMark: 1 << 20 });
    bytes.once("error", (error) => sent.destroy(error));
    bytes.on("data", (chunk) => {
      upload.onChunk(chunk as Buffer);
    });
    bytes.pipe(sent);
  });
}
