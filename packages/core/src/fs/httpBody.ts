import type { IncomingMessage } from "node:http";
import { type AnswerHeaders, type BodySink, MAX_COLLECTED_BYTES, type SinkOf } from "./httpAnswer.ts";
import { cutShort, tooLong } from "./httpFailure.ts";

/** What an answer is about, for messages. */
export interface AnswerOf {
  /** URL of what was asked for. */
  readonly about: string;
  readonly protocol: string;
}

/** Headers that stand once, by name in lower case. */
export function plainHeaders({ headers }: IncomingMessage): AnswerHeaders {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) if (typeof value === "string") plain[name] = value;
  return plain;
}

/**
 * The whole of the body of a good answer.
 * @throws {StorageError} retryable, when the connection breaks or the answer is cut short; final, when it is too long.
 */
export async function collectAll(response: IncomingMessage, of: AnswerOf): Promise<Buffer> {
  const body = await collect(response, of, MAX_COLLECTED_BYTES);
  if (response.complete) return body;
  throw tooLong(of.about, of.protocol);
}

/**
 * The whole of a body, or about its first `limit` bytes: the rest is not waited for.
 * @throws {StorageError} retryable, when the connection breaks or the answer is cut short.
 */
export async function collect(response: IncomingMessage, of: AnswerOf, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cutShort(of.about, cause, of.protocol);
  }
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}

/** Reads a body to its end, or until `take` says false. @throws {StorageError} retryable, when it breaks; what `take` threw. */
export async function pour(stream: IncomingMessage, of: AnswerOf, take: BodySink): Promise<void> {
  let thrown: { readonly error: unknown } | undefined;
  const failed = await new Promise<unknown>((resolve) => {
    const stop = (): void => {
      resolve(undefined);
      if (!stream.complete) stream.destroy();
    };
    stream.on("data", (chunk: Buffer) => {
      if (thrown !== undefined) return;
      try {
        if (take(chunk) === false) stop();
      } catch (error) {
        thrown = { error };
        stop();
      }
    });
    stream.once("end", () => {
      resolve(undefined);
    });
    stream.once("error", resolve);
    stream.once("close", () => {
      resolve(stream.complete ? undefined : new Error("closed"));
    });
  });
  if (thrown !== undefined) throw thrown.error;
  if (failed !== undefined) throw cutShort(of.about, failed, of.protocol);
}

/** Keeps what a sink throws (a full disk) apart from failures of the connection. */
export class GuardedSinks {
  readonly sinkOf: SinkOf | undefined;
  #thrown: { readonly error: unknown } | undefined;

  constructor(sinkOf: SinkOf | undefined) {
    if (sinkOf === undefined) return;
    this.sinkOf = (status, headers) => {
      const sink = this.#guard(() => sinkOf(status, headers));
      return sink === undefined ? undefined : (chunk) => this.#guard(() => sink(chunk));
    };
  }

  rethrow(): void {
    if (this.#thrown !== undefined) throw this.#thrown.error;
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.#thrown = { error };
      throw error;
    }
  }
}
