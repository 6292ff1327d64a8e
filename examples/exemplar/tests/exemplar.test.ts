import { gunzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { formatCsv, parseCsv } from "../src/csv.ts";
import { accuracy, predict, train, type Sample } from "../src/model.ts";
import { decodePng, encodePng } from "../src/png.ts";

const lines = gunzipSync(readFileSync(new URL("../dataset/digits.csv.gz", import.meta.url)))
  .toString()
  .trim()
  .split("\n");
const digits = lines.map((line): Sample => {
  const cells = line.split(",").map(Number);
  return { pixels: cells.slice(0, 64).map((ink) => ink / 16), label: cells[64]! };
});

test("the data set is whole: 1,797 digits of ten classes, ink from 0 to 16", () => {
  expect(digits).toHaveLength(1797);
  expect(new Set(digits.map((one) => one.label)).size).toBe(10);
  expect(digits.every((one) => one.pixels.length === 64 && one.pixels.every((ink) => ink >= 0 && ink <= 1))).toBe(true);
});

test("a picture survives being written and read, and damage is noticed", () => {
  const image = { width: 3, height: 2, pixels: Uint8Array.from([0, 17, 255, 128, 1, 254]) };
  const bytes = encodePng(image);
  expect(decodePng(bytes, "x")).toEqual(image);
  bytes[bytes.length - 20]! ^= 1;
  expect(() => decodePng(bytes, "x")).toThrow("x: damaged IDAT chunk");
  expect(() => decodePng(Buffer.from("GIF89a…………………"), "x")).toThrow("x: not a PNG file");
});

test("tables with a short row are refused, naming the line", () => {
  expect(parseCsv(formatCsv({ columns: ["a", "b"], rows: [["1", "2"]] }), "t").rows).toEqual([["1", "2"]]);
  expect(() => parseCsv("a,b\n1,2\n3\n", "t")).toThrow("t, line 3: 1 cells, expected 2");
});

test("the classifier learns real digits, and the same seed gives the same model", () => {
  const settings = { seed: 7, epochs: 4, batch: 16, rate: 0.05, decay: 1e-4 };
  const model = train(digits.slice(0, 500), 10, settings);
  expect(accuracy(model, digits.slice(500, 1000))).toBeGreaterThan(0.85);
  expect(train(digits.slice(0, 500), 10, settings)).toEqual(model);
  expect(train(digits.slice(0, 500), 10, { ...settings, seed: 8 })).not.toEqual(model);
  expect(predict(model, digits[0]!.pixels)).toBe(0);
  const seen: number[] = [];
  const last = train(digits.slice(0, 500), 10, settings, (epoch, soFar) => {
    seen.push(epoch, accuracy(soFar, digits.slice(0, 500)));
  });
  expect(last).toEqual(model);
  expect(seen.filter((_, index) => index % 2 === 0)).toEqual([1, 2, 3, 4]);
  expect(seen.at(-1)).toBeGreaterThan(seen[1]!);
});
