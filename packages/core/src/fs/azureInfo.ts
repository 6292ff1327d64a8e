import { StorageError } from "../base/errors.ts";
import type { Info } from "./filesystem.ts";
import type { AnswerHeaders } from "./httpAnswer.ts";
import { xmlElements, xmlText } from "./s3Xml.ts";

/** One page of a listing. */
export interface AzurePage {
  readonly files: readonly Info[];
  readonly folders: readonly Info[];
  readonly next: string | undefined;
}

/** A blob as the headers of an answer tell of it. */
export function azureInfo(path: string, headers: AnswerHeaders): Info {
  const mtimeMs = Date.parse(headers["last-modified"] ?? "");
  const isFolder = isOn(headers["x-ms-meta-hdi_isfolder"]) || headers["x-ms-resource-type"] === "directory";
  return {
    path,
    size: isFolder ? 0 : Number(headers["content-length"] ?? 0),
    type: isFolder ? "folder" : "file",
    ...azureFacts(headers),
    ...(Number.isNaN(mtimeMs) ? {} : { mtimeMs }),
  };
}

/** ETag (in its quotes, as DVC records it) and version. */
export function azureFacts(headers: AnswerHeaders): Pick<Info, "etag" | "versionId"> {
  const { etag, "x-ms-version-id": versionId } = headers;
  return { ...(etag === undefined ? {} : { etag: quoted(etag) }), ...(versionId === undefined ? {} : { versionId }) };
}

/** Reads a listing. @throws {StorageError} for an answer that is none */
export function parseAzurePage(container: string, xml: string): AzurePage {
  const end = Math.max(xml.lastIndexOf("</Blobs>"), xml.lastIndexOf("<Blobs />"), xml.lastIndexOf("<Blobs/>"));
  if (end === -1) throw strangeListing(container);
  const files: Info[] = [];
  for (const one of xmlElements(xml, "Blob")) {
    const info = listed(container, one);
    // A mark for a folder: what is in it is listed by itself.
    if (info.type === "file") files.push(info);
  }
  const folders = xmlElements(xml, "BlobPrefix").map((one): Info => {
    return { path: `${container}/${nameIn(one).replace(/\/$/, "")}`, size: 0, type: "folder" };
  });
  // What users wrote on a blob stands before.
  const next = xmlText(xml.slice(end), "NextMarker");
  return { files, folders, next: next === "" ? undefined : next };
}

/** The error for a listing that cannot be. */
export function strangeListing(container: string): StorageError {
  return new StorageError(`the server's listing of '${container}' makes no sense`, {
    protocol: "azure",
    path: container,
  });
}

function listed(container: string, blob: string): Info {
  const etag = xmlText(blob, "Etag");
  const mtimeMs = Date.parse(xmlText(blob, "Last-Modified") ?? "");
  const isFolder = xmlText(blob, "ResourceType") === "directory" || /<hdi_isfolder>true</i.test(blob);
  return {
    path: `${container}/${nameIn(blob)}`,
    size: Number(xmlText(blob, "Content-Length") ?? 0),
    type: isFolder ? "folder" : "file",
    ...(etag === undefined ? {} : { etag: quoted(etag) }),
    ...(Number.isNaN(mtimeMs) ? {} : { mtimeMs }),
  };
}

/** A name with characters that XML cannot hold comes encoded. */
function nameIn(xml: string): string {
  const plain = xmlText(xml, "Name");
  if (plain !== undefined) return plain;
  const encoded = /<Name Encoded="true">([^<]*)<\/Name>/i.exec(xml)?.[1];
  return encoded === undefined ? "" : decodeURIComponent(encoded);
}

function quoted(etag: string): string {
  return `"${etag.replace(/^W\//, "").replace(/"/g, "")}"`;
}

function isOn(value: string | undefined): boolean {
  return value?.toLowerCase() === "true";
}
