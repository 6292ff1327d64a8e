import { crc32 as nodeCrc32, deflateSync, inflateSync } from "node:zlib";

/** A grey picture: one byte a pixel, row by row, 0 black to 255 white. */
export interface GreyImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** No digit is anywhere near this; a file that claims more is not ours. */
const MAX_SIDE = 4096;

/** The bytes of an 8-bit greyscale PNG file. Same picture, same bytes. */
export function encodePng(image: GreyImage): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(image.width, 0);
  header.writeUInt32BE(image.height, 4);
  header.set([8, 0, 0, 0, 0], 8); // 8 bits, greyscale, deflate, standard filters, not interlaced
  const rows = Buffer.alloc(image.height * (image.width + 1)); // each row starts with its filter: 0, none
  for (let y = 0; y < image.height; y++) {
    rows.set(image.pixels.subarray(y * image.width, (y + 1) * image.width), y * (image.width + 1) + 1);
  }
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Reads what `encodePng` writes: 8-bit greyscale, any row filter, not interlaced. Throws on anything else or on damage. */
export function decodePng(bytes: Buffer, name: string): GreyImage {
  if (!bytes.subarray(0, 8).equals(SIGNATURE)) throw new Error(`${name}: not a PNG file`);
  let header: Buffer | undefined;
  const data: Buffer[] = [];
  for (let at = 8; at < bytes.length;) {
    const size = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    const body = bytes.subarray(at + 8, at + 8 + size);
    if (body.length !== size || bytes.readUInt32BE(at + 8 + size) !== crc32(bytes.subarray(at + 4, at + 8 + size))) {
      throw new Error(`${name}: damaged ${type} chunk`);
    }
    if (type === "IHDR") header = body;
    if (type === "IDAT") data.push(body);
    at += 12 + size;
  }
  if (header === undefined) throw new Error(`${name}: no header`);
  const width = header.readUInt32BE(0);
  const height = header.readUInt32BE(4);
  if (width > MAX_SIDE || height > MAX_SIDE) throw new Error(`${name}: larger than ${MAX_SIDE} pixels`);
  if (header.readUInt32BE(8) !== 0x08000000 || header[12] !== 0)
    throw new Error(`${name}: not an 8-bit greyscale picture`);
  const rows = inflateSync(Buffer.concat(data), { maxOutputLength: height * (width + 1) });
  return { width, height, pixels: unfilter(rows, width, height, name) };
}

function unfilter(rows: Buffer, width: number, height: number, name: string): Uint8Array {
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (width + 1)];
    for (let x = 0; x < width; x++) {
      const left = x > 0 ? out[y * width + x - 1]! : 0;
      const up = y > 0 ? out[(y - 1) * width + x]! : 0;
      const corner = x > 0 && y > 0 ? out[(y - 1) * width + x - 1]! : 0;
      out[y * width + x] = rows[y * (width + 1) + 1 + x]! + predicted(filter, left, up, corner, name);
    }
  }
  return out;
}

function predicted(filter: number | undefined, left: number, up: number, corner: number, name: string): number {
  switch (filter) {
    case 0:
      return 0;
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    case 4: {
      const guess = left + up - corner;
      const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
      return a <= b && a <= c ? left : b <= c ? up : corner;
    }
    default:
      throw new Error(`${name}: unknown row filter ${filter ?? "(cut short)"}`);
  }
}

function chunk(type: string, body: Buffer): Buffer {
  const out = Buffer.alloc(12 + body.length);
  out.writeUInt32BE(body.length, 0);
  out.write(type, 4, "latin1");
  out.set(body, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + body.length)), 8 + body.length);
  return out;
}

/** CRC-32 as PNG wants it; Node has it since 20.15. */
function crc32(bytes: Uint8Array): number {
  return nodeCrc32(bytes);
}
