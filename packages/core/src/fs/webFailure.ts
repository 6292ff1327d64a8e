import { type ErrorCode, StorageError } from "../base/errors.ts";
import type { Protocol } from "./filesystem.ts";

/** A failing answer of a web server. */
export class WebAnswerError extends StorageError {
  readonly status: number;
  constructor(message: string, status: number, details: ConstructorParameters<typeof StorageError>[1]) {
    super(message, details);
    this.status = status;
  }
}

/** Whose answer it is, and what to do when it lets nobody in, and when it refuses a method. */
export interface WebFailureOf {
  readonly protocol: Protocol;
  readonly hints: { readonly auth: string; readonly method: string };
  /** A 403 to who reads may mean that nothing is there: stores that nobody may list answer so. */
  readonly hidesAbsence?: boolean;
}

/** What a failing status means. `about`: the URL asked for; `method`: how. */
export function webFailure(
  { protocol, hints, hidesAbsence }: WebFailureOf,
  about: string,
  status: number,
  method?: string,
): WebAnswerError {
  const fail = (message: string, code: ErrorCode, more: { hint?: string; retryable?: boolean } = {}): WebAnswerError =>
    new WebAnswerError(message, status, { protocol, path: about, code, ...more });
  if (status === 404 || status === 410) return fail(`'${about}' does not exist`, "not-found");
  if (status === 403 && hidesAbsence === true && method === "GET")
    return fail(`'${about}' does not exist, or not for everybody (HTTP 403)`, "not-found", { hint: hints.auth });
  if (status === 401 || status === 403)
    return fail(`access to '${about}' was denied (HTTP ${String(status)})`, "auth", { hint: hints.auth });
  if (status === 405)
    return fail(`the server does not take that of '${about}' (HTTP 405)`, "config", { hint: hints.method });
  if (status === 409)
    return fail(`'${about}' can't be written: its folder is not there, and can't be made (HTTP 409)`, "storage");
  if (status === 423) return fail(`'${about}' is locked on the server (HTTP 423)`, "storage");
  if (status === 507) return fail(`the server has no room for '${about}' (HTTP 507)`, "storage");
  const passes = status >= 500 || status === 408 || status === 429;
  return fail(`'${about}': HTTP ${String(status)}`, "storage", { retryable: passes });
}
