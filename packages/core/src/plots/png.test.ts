import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { pngOf } from "./png.ts";

/** Width, height and the plain bytes of a PNG of 8 bits for each of four channels. */
function decode(png: Uint8Array): { width: number; height: number; rows: Buffer } {
  const bytes = Buffer.from(png);
  expect(bytes.subarray(0, 8).toString("hex")).toBe("89504e470d0a1a0a");
  const data: Buffer[] = [];
  for (let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    if (bytes.toString("latin1", at + 4, at + 8) === "IDAT") data.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20), rows: inflateSync(Buffer.concat(data)) };
}

const drawing = (inside: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30">${inside}</svg>`;

describe("pngOf", () => {
  it("draws in twice the size", async () => {
    expect(decode(await pngOf(drawing("")))).toMatchObject({ width: 120, height: 60 });
  });

  it("draws texts, whatever family they name", async () => {
    const empty = decode(await pngOf(drawing(""))).rows;
    const text = '<text x="2" y="20" font-family="FONT">loss</text>';
    const drawn = await Promise.all(
      ["sans-serif", "monospace", "No Such Family"].map(
        async (family) => decode(await pngOf(drawing(text.replace("FONT", family)))).rows,
      ),
    );
    for (const rows of drawn) expect(rows.equals(empty)).toBe(false);
  });

  it("opens no file that the drawing names", async () => {
    const image = '<image width="60" height="30" href="file:///etc/hostname"/>';
    expect(decode(await pngOf(drawing(image))).rows.equals(decode(await pngOf(drawing(""))).rows)).toBe(true);
  });
});
