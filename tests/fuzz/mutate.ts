/** Random numbers that a seed repeats: 32 bits each. */
export type Random = () => number;

/** The generator `mulberry32`. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return (value ^ (value >>> 14)) >>> 0;
  };
}

const below = (random: Random, end: number): number => (end <= 0 ? 0 : random() % end);

/** Longest input that is made, in bytes: findings stay readable, and each run short. */
const MAX_BYTES = 4096;
/** Bytes that mean something to most parsers. */
const SIGNS = Buffer.from("\0\t\n\r !\"#$%&'()*,-./0:;<=>?@[\\]^_`{|}~\x7f\x80\xc3\xe2\xff", "latin1");

type Change = (bytes: Buffer, random: Random, words: readonly string[], other: Buffer) => Buffer;

const splice = (bytes: Buffer, at: number, remove: number, insert: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);

function piece(bytes: Buffer, random: Random): Buffer {
  const from = below(random, bytes.length);
  return bytes.subarray(from, from + 1 + below(random, Math.min(64, bytes.length - from)));
}

const changes: readonly Change[] = [
  (bytes, random) => splice(bytes, below(random, bytes.length), 1, Buffer.of(random() & 255)),
  (bytes, random) => splice(bytes, below(random, bytes.length), 1, Buffer.of(SIGNS[below(random, SIGNS.length)] ?? 0)),
  (bytes, random) =>
    splice(bytes, below(random, bytes.length + 1), 0, Buffer.of(SIGNS[below(random, SIGNS.length)] ?? 0)),
  (bytes, random) => splice(bytes, below(random, bytes.length), 1 + below(random, 32), Buffer.alloc(0)),
  (bytes, random) => splice(bytes, below(random, bytes.length + 1), 0, piece(bytes, random)),
  (bytes, random) => {
    const part = piece(bytes, random);
    return splice(
      bytes,
      below(random, bytes.length + 1),
      0,
      Buffer.concat(new Array<Buffer>(1 + below(random, 40)).fill(part)),
    );
  },
  (bytes, random, words) =>
    splice(
      bytes,
      below(random, bytes.length + 1),
      below(random, 4),
      Buffer.from(words[below(random, words.length)] ?? "", "latin1"),
    ),
  (bytes, random, _words, other) =>
    splice(bytes, below(random, bytes.length + 1), below(random, 8), piece(other, random)),
  (bytes, random) => bytes.subarray(0, below(random, bytes.length + 1)),
];

/** One input made of another: a few changes of it. `other` lends pieces. */
export function mutated(bytes: Buffer, random: Random, words: readonly string[], other: Buffer): Buffer {
  let result: Buffer = bytes;
  for (let left = 1 + below(random, 5); left > 0; left--) {
    const change = changes[below(random, changes.length)];
    if (change !== undefined) result = change(result, random, words, other);
  }
  return Buffer.from(result.subarray(0, MAX_BYTES));
}

/** One of them. */
export function pick<T>(list: readonly T[], random: Random): T {
  const one = list[below(random, list.length)];
  if (one === undefined) throw new Error("nothing to pick from");
  return one;
}
