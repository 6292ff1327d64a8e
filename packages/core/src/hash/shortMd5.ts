/** Longer inputs are left to `node:crypto`, whose code is faster and takes 4 to 7 ms to load. */
export const SHORT = 1024;
const BLOCK_WORDS = 16;
/** Where the length in bits stands in the last block. */
const LENGTH_AT = 14;
/** Left rotations: four of each round, in turns. */
const TURNS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
/** Which word of the block a step of a round reads: `FACTORS * step + OFFSETS`, modulo 16. */
const FACTORS = [1, 5, 3, 7];
const OFFSETS = [0, 1, 5, 0];

/** MD5 in plain JavaScript: most commands hash no more than a path or a stage, and need not load OpenSSL for it. */
export function shortMd5(bytes: Uint8Array): Buffer {
  const blocks = Math.floor((bytes.length + 8) / 64) + 1;
  const words = new Int32Array(blocks * BLOCK_WORDS);
  for (let i = 0; i < bytes.length; i++) addByte(words, i, bytes[i] as number);
  addByte(words, bytes.length, 0x80);
  words[words.length - BLOCK_WORDS + LENGTH_AT] = bytes.length * 8;
  const state = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]);
  for (let at = 0; at < words.length; at += BLOCK_WORDS) addBlock(state, words, at);
  const digest = Buffer.alloc(16);
  for (let i = 0; i < 4; i++) digest.writeInt32LE(state[i] as number, i * 4);
  return digest;
}

function addByte(words: Int32Array, at: number, byte: number): void {
  words[at >> 2] = (words[at >> 2] as number) | (byte << ((at & 3) * 8));
}

function addBlock(state: Int32Array, words: Int32Array, at: number): void {
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  for (let step = 0; step < 64; step++) {
    const round = step >> 4;
    const mixed =
      round === 0 ? (b & c) | (~b & d) : round === 1 ? (d & b) | (~d & c) : round === 2 ? b ^ c ^ d : c ^ (b | ~d);
    const word = words[at + (((FACTORS[round] as number) * step + (OFFSETS[round] as number)) & 15)] as number;
    // The number of the standard for this step: the sine of its place.
    const sum = (a + mixed + word + Math.floor(Math.abs(Math.sin(step + 1)) * 0x100000000)) | 0;
    const turn = TURNS[round * 4 + (step & 3)] as number;
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0;
  }
  state[0] = (state[0] as number) + a;
  state[1] = (state[1] as number) + b;
  state[2] = (state[2] as number) + c;
  state[3] = (state[3] as number) + d;
}
