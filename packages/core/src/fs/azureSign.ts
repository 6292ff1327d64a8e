import { createHmac } from "node:crypto";

/** A request as it is signed. `path` is encoded and may hold a query. */
export interface AzureSignable {
  readonly method: string;
  readonly path: string;
  /** Bytes of the body. */
  readonly length: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers that are signed by their value alone, in this order; the length stands after the second. */
const BEFORE_LENGTH = ["content-encoding", "content-language"];
const AFTER_LENGTH = [
  "content-md5",
  "content-type",
  "date",
  "if-modified-since",
  "if-match",
  "if-none-match",
  "if-unmodified-since",
  "range",
];

/** The `authorization` header of a request by the account's key ("Shared Key", as of 2015-02-21). */
export function sharedKey(account: string, key: Buffer, request: AzureSignable): string {
  const signature = createHmac("sha256", key).update(stringToSign(account, request)).digest("base64");
  return `SharedKey ${account}:${signature}`;
}

/** What is signed; exported for its test. */
export function stringToSign(account: string, { method, path, length, headers }: AzureSignable): string {
  const valueOf = (name: string): string => headers[name] ?? "";
  const own = Object.keys(headers)
    .filter((name) => name.startsWith("x-ms-"))
    .sort()
    .map((name) => `${name}:${valueOf(name).trim()}`);
  const values = [...BEFORE_LENGTH.map(valueOf), length === 0 ? "" : String(length), ...AFTER_LENGTH.map(valueOf)];
  return [method, ...values, ...own, resource(account, path)].join("\n");
}

function resource(account: string, path: string): string {
  const at = path.indexOf("?");
  const place = `/${account}${at === -1 ? path : path.slice(0, at)}`;
  if (at === -1) return place;
  const pairs = path
    .slice(at + 1)
    .split("&")
    .map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return `${decodeURIComponent(name).toLowerCase()}:${decodeURIComponent(value.join("="))}`;
    });
  return [place, ...pairs.sort()].join("\n");
}
