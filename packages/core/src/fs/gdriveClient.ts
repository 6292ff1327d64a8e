import { type ErrorCode, StorageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { type CloudAnswer, CloudHttp, type CloudRequest } from "./cloudHttp.ts";
import type { AccessFacts } from "./filesystem.ts";
import type { GdriveSettings } from "./gdriveSettings.ts";
import { findGdriveToken, type GdriveTokenSource } from "./gdriveToken.ts";
import { strangeAnswer } from "./jsonAnswer.ts";
import { renewing, type Token } from "./oauthToken.ts";
import type { RetryPolicy } from "./retry.ts";

/** A file or folder, as far as it is asked for. */
export interface DriveItem {
  readonly id: string;
  readonly name: string;
  readonly mimeType: string;
  /** Bytes; documents of Google's own programs have none. */
  readonly size?: string;
  readonly md5Checksum?: string;
  readonly modifiedTime?: string;
  readonly parents?: readonly string[];
}

/** The fields of `DriveItem`. */
export const ITEM_FIELDS = "id,name,mimeType,size,md5Checksum,modifiedTime,parents";
/** What marks a folder. */
export const FOLDER_TYPE = "application/vnd.google-apps.folder";

/** Names and values of a query. */
type Query = Readonly<Record<string, string | undefined>>;

const LIMIT_MS = 60_000;
/** Drive counts requests by the minute: patience helps. */
const POLICY: RetryPolicy = { attempts: 10, firstDelayMs: 500, maxDelayMs: 20_000 };
const IDS_AT_ONCE = 200;

/** Version 3 of Drive's REST API with what authorises each request. Rejects with StorageError only. */
export class GdriveClient {
  readonly http: CloudHttp;
  readonly #settings: GdriveSettings;
  readonly #token: () => Promise<Token | undefined>;
  #source: Promise<GdriveTokenSource> | undefined;
  #ids: string[] = [];
  #asking: Promise<void> | undefined;

  constructor(settings: GdriveSettings, policy: RetryPolicy = POLICY) {
    this.#settings = settings;
    this.#token = renewing(async () => (await this.#find()).get());
    this.http = new CloudHttp(
      {
        protocol: "gdrive",
        base: settings.endpoint,
        env: settings.env,
        connectTimeoutMs: LIMIT_MS,
        readTimeoutMs: LIMIT_MS,
        authorize: async (_request, headers) => {
          headers["authorization"] = `Bearer ${(await this.#token())?.value ?? ""}`;
        },
        errorOf: gdriveError,
      },
      policy,
    );
  }

  async access(): Promise<AccessFacts> {
    return { ...(await this.#find()).facts, endpoint: this.#settings.endpoint.origin };
  }

  /** Of a file, or with `id` undefined of all. */
  path(id: string | undefined, query: Query, before = ""): string {
    const pairs = Object.entries({ ...query, supportsAllDrives: "true" }).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
    );
    return `${before}/drive/v3/files${id === undefined ? "" : `/${encodeURIComponent(id)}`}?${pairs.join("&")}`;
  }

  /** Asks for JSON. `about`: for messages. */
  async ask<T>(about: string, path: string, options: CallOptions | undefined): Promise<T> {
    return parsed<T>(about, (await this.http.send({ method: "GET", path, about, signal: options?.signal })).body);
  }

  /** An id for a new item: with one, a request that is sent again makes no second item. */
  async newId(space: string, options: CallOptions | undefined): Promise<string> {
    for (;;) {
      const id = this.#ids.pop();
      if (id !== undefined) return id;
      this.#asking ??= this.#askIds(space, options).finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
  }

  async #askIds(space: string, options: CallOptions | undefined): Promise<void> {
    const about = `gdrive://${space}`;
    const path = `/drive/v3/files/generateIds?count=${String(IDS_AT_ONCE)}&space=${space}`;
    const { ids } = await this.ask<{ ids?: readonly string[] }>(about, path, options);
    if (ids === undefined || ids.length === 0) throw strange(about);
    this.#ids = [...ids];
  }

  #find(): Promise<GdriveTokenSource> {
    // Kept also when it failed: who refused to log in is not asked again for the next file.
    this.#source ??= findGdriveToken(this.#settings);
    return this.#source;
  }
}

/** JSON of an answer. @throws {StorageError} */
export function parsed<T>(about: string, body: Buffer): T {
  try {
    return JSON.parse(body.toString("utf8")) as T;
  } catch {
    throw strange(about);
  }
}

function strange(about: string): StorageError {
  return strangeAnswer({ about, protocol: "gdrive" });
}

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
  readonly passes?: true;
}

const RATE: Meaning = { code: "storage", text: "Google Drive takes no more requests for now", passes: true };
const MEANINGS: Readonly<Record<string, Meaning>> = {
  userRateLimitExceeded: RATE,
  rateLimitExceeded: RATE,
  sharingRateLimitExceeded: RATE,
  dailyLimitExceeded: { code: "storage", text: "the limit of requests for today is reached" },
  storageQuotaExceeded: {
    code: "storage",
    text: "the drive is full",
    hint: "A service account has no room of its own: use a folder of a shared drive, or a user's log-in.",
  },
  cannotDownloadAbusiveFile: {
    code: "auth",
    text: "Google takes the file for harmful and does not give it out",
    hint: "If you know better: `remote modify NAME gdrive_acknowledge_abuse true`.",
  },
  accessNotConfigured: {
    code: "auth",
    text: "the Google Drive API is not enabled for the project of these credentials",
    hint: "Enable it in the Google Cloud console.",
  },
  insufficientPermissions: { code: "auth", text: "the log-in does not cover Google Drive", hint: "Log in again." },
};

function gdriveError({ about }: CloudRequest, { status, body }: CloudAnswer): StorageError {
  const { reason, message } = saidIn(body);
  const meaning = MEANINGS[reason] ?? byStatus(status);
  const text = meaning?.text ?? (message === "" ? "the server refused" : message);
  const passes = meaning === undefined && (status >= 500 || status === 408 || status === 429);
  return new StorageError(`'${about}': ${text} (${reason === "" ? `HTTP ${String(status)}` : reason})`, {
    protocol: "gdrive",
    path: about,
    code: meaning?.code ?? "storage",
    retryable: meaning?.passes ?? passes,
    ...(meaning?.hint === undefined ? {} : { hint: meaning.hint }),
  });
}

function byStatus(status: number): Meaning | undefined {
  if (status === 401)
    return { code: "auth", text: "the credentials are not valid, or have ended", hint: "Log in again." };
  if (status === 403)
    return { code: "auth", text: "access was denied", hint: "Share the folder with the account that asks." };
  return status === 404 ? { code: "not-found", text: "it does not exist" } : undefined;
}

function saidIn(body: Buffer): { readonly reason: string; readonly message: string } {
  try {
    const { error } = JSON.parse(body.toString("utf8")) as {
      error?: { message?: unknown; errors?: readonly { reason?: unknown }[] };
    };
    const reason = error?.errors?.[0]?.reason;
    const message = error?.message;
    return {
      reason: typeof reason === "string" ? reason.slice(0, 100) : "",
      message: typeof message === "string" ? message.slice(0, 300) : "",
    };
  } catch {
    return { reason: "", message: "" };
  }
}
