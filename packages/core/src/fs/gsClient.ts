import { StorageError, type ErrorCode } from "../base/errors.ts";
import { CloudHttp, type CloudAnswer, type CloudRequest } from "./cloudHttp.ts";
import type { AccessFacts, Info } from "./filesystem.ts";
import type { GsSettings } from "./gsSettings.ts";
import { findGsToken, type GsTokenSource } from "./gsToken.ts";
import type { Shape } from "./jsonAnswer.ts";
import { renewing, type Token } from "./oauthToken.ts";
import type { RangeSource } from "./s3Download.ts";
import { S3AnswerError } from "./s3Errors.ts";

/** Google's JSON API with what authorises each request. */
export class GsClient {
  readonly http: CloudHttp;
  readonly #settings: GsSettings;
  readonly #prefix: string;
  #source: Promise<GsTokenSource> | undefined;
  readonly #token: () => Promise<Token | undefined>;

  constructor(settings: GsSettings) {
    this.#settings = settings;
    this.#prefix = settings.endpoint.pathname.replace(/\/+$/, "");
    this.#token = renewing(async () => (await this.#find()).get());
    this.http = new CloudHttp({
      protocol: "gs",
      base: settings.endpoint,
      env: settings.env,
      connectTimeoutMs: 60_000,
      readTimeoutMs: 60_000,
      authorize: async (_request, headers) => {
        const token = await this.#token();
        if (token !== undefined) headers["authorization"] = `Bearer ${token.value}`;
      },
      errorOf: (request, answer) => gsError(request, answer, settings.anonymous),
    });
  }

  async access(): Promise<AccessFacts> {
    const { facts } = await this.#find();
    return { ...facts, endpoint: this.#settings.endpoint.origin };
  }

  /** Of an object, or with `key` undefined of the bucket's objects. */
  path(bucket: string, key: string | undefined, query: Readonly<Record<string, string | undefined>> = {}): string {
    const object = key === undefined ? "" : `/${encodeURIComponent(key)}`;
    return `${this.#prefix}/storage/v1/b/${encodeURIComponent(bucket)}/o${object}${queryText(query)}`;
  }

  bucketPath(bucket: string, query: Readonly<Record<string, string | undefined>>): string {
    return `${this.#prefix}/storage/v1/b/${encodeURIComponent(bucket)}${queryText(query)}`;
  }

  uploadPath(bucket: string, query: Readonly<Record<string, string | undefined>>): string {
    return `${this.#prefix}/upload/storage/v1/b/${encodeURIComponent(bucket)}/o${queryText(query)}`;
  }

  batchPath(): string {
    return `${this.#prefix}/batch/storage/v1`;
  }

  /** For `downloadObject`: generations stand for ETags, because that is what conditions of this API name. */
  ranges(): RangeSource {
    const nameOf: RangeSource["nameOf"] = ({ bucket, key }) => `gs://${bucket}/${key ?? ""}`;
    return {
      nameOf,
      protocol: "gs",
      attempt: (signal, work) => this.http.attempt(signal, work),
      receive: (request, sinkOf) => {
        const { "if-match": generation, ...headers } = request.headers ?? {};
        const query = { ...request.query, alt: "media", ifGenerationMatch: generation };
        const { bucket, key, signal } = request;
        const path = this.path(bucket, key ?? "", query);
        return this.http.receive({ method: "GET", path, headers, signal, about: nameOf(request) }, (status, head) =>
          sinkOf?.(status, { ...head, etag: head["x-goog-generation"] }),
        );
      },
    };
  }

  #find(): Promise<GsTokenSource> {
    this.#source ??= findGsToken(this.#settings);
    return this.#source;
  }
}

/** The object resource, as far as it is asked for. */
export interface GsObject {
  readonly name: string;
  readonly size?: string;
  readonly etag?: string;
  readonly generation?: string;
  readonly md5Hash?: string;
  readonly updated?: string;
}

/** The fields of `GsObject`. */
export const OBJECT_FIELDS = "name,size,etag,generation,md5Hash,updated";
/** What they are in an answer. */
export const OBJECT_SHAPE: Shape = Object.fromEntries(OBJECT_FIELDS.split(",").map((name) => [name, "text"] as const));

/** The ETag is base64; DVC records its bytes in hex. */
export function gsInfo(bucket: string, { name, size, etag, generation, updated }: GsObject): Info {
  const mtime = Date.parse(updated ?? "");
  return {
    path: `${bucket}/${name}`,
    size: Number(size ?? 0),
    type: "file",
    ...gsFacts({ etag, generation }),
    ...(Number.isNaN(mtime) ? {} : { mtimeMs: mtime }),
  };
}

/** ETag and generation as `Info` has them. */
export function gsFacts(object: {
  readonly etag?: string | undefined;
  readonly generation?: string | undefined;
}): Pick<Info, "etag" | "versionId"> {
  const { etag, generation } = object;
  return {
    ...(etag === undefined ? {} : { etag: Buffer.from(etag, "base64").toString("hex") }),
    ...(generation === undefined ? {} : { versionId: generation }),
  };
}

function queryText(query: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  if (pairs.length === 0) return "";
  return `?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;
}

const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

function gsError(request: CloudRequest, { status, body }: CloudAnswer, anonymous: boolean): StorageError {
  const said = messageOf(body);
  const { about } = request;
  const bucket = /^gs:\/\/([^/]*)/.exec(about)?.[1] ?? about;
  const { code, text, hint } = meaning(status, said, about, bucket, anonymous);
  const at = { protocol: "gs", path: about, code, retryable: PASSING.has(status), ...(hint && { hint }) };
  if (status === 412) return new S3AnswerError(text, "PreconditionFailed", at);
  return new StorageError(`${text} (HTTP ${String(status)})`, at);
}

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

function meaning(status: number, said: string, about: string, bucket: string, anonymous: boolean): Meaning {
  if (status === 401) {
    return {
      code: "auth",
      text: anonymous ? `'${about}' is not open to everybody` : "the credentials are not valid, or have ended",
      hint: "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS or `credentialpath`.",
    };
  }
  if (status === 403)
    return {
      code: "auth",
      text: `access to '${about}' was denied`,
      hint: "Check the roles of the account on the bucket (Storage Object Admin to push, Object Viewer to pull).",
    };
  if (status === 404 && /bucket/i.test(said))
    return {
      code: "config",
      text: `the bucket '${bucket}' does not exist`,
      hint: "Check the remote's url and endpointurl, or create the bucket.",
    };
  if (status === 404) return { code: "not-found", text: `'${about}' does not exist` };
  if (status === 412) return { code: "storage", text: `'${about}' was replaced while it was fetched` };
  return { code: "storage", text: `'${about}': ${said === "" ? "the server refused" : said}` };
}

function messageOf(body: Buffer): string {
  const text = body.toString("utf8").slice(0, 4000);
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } };
    return typeof error?.message === "string" ? error.message.slice(0, 300) : "";
  } catch {
    return text.startsWith("<") ? "" : text.trim().slice(0, 300);
  }
}
