import { SaxesParser } from "saxes";

const DAV = "DAV:";

/** One resource of a PROPFIND answer. */
export interface DavEntry {
  /** Path of its URL, decoded, without a slash at the end. */
  readonly path: string;
  readonly isFolder: boolean;
  /** Bytes. */
  readonly size?: number;
  /** As the server spells it, quotes included. */
  readonly etag?: string;
  readonly mtimeMs?: number;
}

/** What is asked of every resource. */
export const PROPFIND_BODY: Buffer = Buffer.from(
  '<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getetag/><getlastmodified/></prop></propfind>',
);

interface Draft {
  href: string;
  status: string;
  /** Of parts that the server found: name of the property and its text. */
  readonly found: Map<string, string>;
  /** The part that is being read. */
  part: { readonly found: Map<string, string>; status: string } | undefined;
}

/**
 * Reads a multistatus body (RFC 4918, section 13). Resources with a failing status of their own are left out, and so are
 * properties that the server did not find. Entities other than XML's own are an error, so nothing expands.
 * @param base what relative references count from
 * @throws {Error} for what is not well-formed, or holds names that are not UTF-8
 */
export function parseMultistatus(xml: string, base: URL): DavEntry[] {
  const entries: DavEntry[] = [];
  const parser = new SaxesParser({ xmlns: true });
  let draft: Draft | undefined;
  let text = "";
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ uri, local }) => {
    text = "";
    if (uri !== DAV) return;
    if (local === "response") draft = { href: "", status: "", found: new Map(), part: undefined };
    else if (local === "propstat" && draft !== undefined) draft.part = { found: new Map(), status: "" };
    else if (local === "collection") draft?.part?.found.set("collection", "");
  });
  parser.on("text", (more) => {
    text += more;
  });
  parser.on("cdata", (more) => {
    text += more;
  });
  parser.on("closetag", ({ uri, local }) => {
    if (uri !== DAV || draft === undefined) return;
    if (local === "response") {
      if (isGood(draft.status)) entries.push(entryOf(draft, base));
      draft = undefined;
    } else close(draft, local, text.trim());
    text = "";
  });
  parser.write(xml).close();
  return entries;
}

function close(draft: Draft, local: string, text: string): void {
  const { part } = draft;
  if (part === undefined) {
    if (local === "href") draft.href ||= text;
    else if (local === "status") draft.status ||= text;
  } else if (local === "propstat") {
    if (isGood(part.status)) for (const [name, value] of part.found) draft.found.set(name, value);
    draft.part = undefined;
  } else if (local === "status") part.status = text;
  else part.found.set(local, text);
}

function isGood(status: string): boolean {
  return status === "" || /^HTTP\/[\d.]+ 2\d\d/.test(status);
}

function entryOf({ href, found }: Draft, base: URL): DavEntry {
  const path = decodeURIComponent(new URL(href, base).pathname).replace(/\/+$/, "");
  const size = found.get("getcontentlength");
  const etag = found.get("getetag");
  const mtimeMs = Date.parse(found.get("getlastmodified") ?? "");
  return {
    path,
    isFolder: found.has("collection"),
    ...(size === undefined || !/^\d+$/.test(size) ? {} : { size: Number(size) }),
    ...(etag === undefined || etag === "" ? {} : { etag }),
    ...(Number.isNaN(mtimeMs) ? {} : { mtimeMs }),
  };
}
