import { createHash } from "node:crypto";
import { xmlElements, xmlText } from "./s3Xml.ts";

/** A piece of a blob that was sent and waits to be put in place, by its id (base64). */
export interface Block {
  readonly id: string;
  /** Bytes. */
  readonly size: number;
}

/** Length of an id before base64: that of the ids that DVC's plug-in makes, because all of a blob must be equally long. */
const ID_LENGTH = 32;
/** Shorter ones do not tell blocks apart, longer ones are not allowed. */
const ID_LENGTHS = { least: 12, most: 64 };

/**
 * Ids tell what is in a block (its md5, which the server checks when it comes) and where it belongs: so a block that an
 * interrupted upload has left is known again.
 */
export function blockId(md5: string, index: number, length: number): string {
  const digest = createHash("sha256")
    .update(`${md5} ${String(index)}`)
    .digest("hex");
  return Buffer.from(digest.slice(0, length)).toString("base64");
}

/** The blocks that wait, from a block list. */
export function waitingBlocks(xml: string): Block[] {
  const waiting = xmlElements(xml, "UncommittedBlocks")[0] ?? "";
  return xmlElements(waiting, "Block").map((one) => ({
    id: xmlText(one, "Name") ?? "",
    size: Number(xmlText(one, "Size") ?? NaN),
  }));
}

/** How long ids must be beside these; undefined where ours do not fit. */
export function idLength(waiting: readonly Block[]): number | undefined {
  const [first] = waiting;
  if (first === undefined) return ID_LENGTH;
  const { length } = Buffer.from(first.id, "base64");
  return length >= ID_LENGTHS.least && length <= ID_LENGTHS.most ? length : undefined;
}

/** The text that puts blocks in place. */
export function blockList(ids: readonly string[]): Buffer {
  const blocks = ids.map((id) => `<Latest>${id}</Latest>`).join("");
  return Buffer.from(`<?xml version="1.0" encoding="utf-8"?><BlockList>${blocks}</BlockList>`);
}
