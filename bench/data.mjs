// Makes the benchmarks' input: the same bytes each time, no two files alike, nothing that compresses.
import { createCipheriv } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

const zeros = Buffer.alloc(4 << 20);

function stream(seed) {
  const key = Buffer.alloc(16);
  key.write(seed);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16));
}

/** `count` files of `size` bytes, spread evenly over `folders` folders. */
export function makeFiles(root, { count, size, folders, seed = "files" }) {
  const bytes = stream(seed);
  const each = Math.ceil(count / folders);
  for (let made = 0, folder = 0; made < count; folder++) {
    const dir = join(root, `d${String(folder).padStart(4, "0")}`);
    mkdirSync(dir, { recursive: true });
    for (let i = 0; i < each && made < count; i++, made++) {
      writeFileSync(join(dir, `f${String(i).padStart(5, "0")}.bin`), bytes.update(zeros.subarray(0, size)));
    }
  }
}

/** Gives every hundredth file new content of the same size. */
export function changeOnePercent(root, { count, size, folders }) {
  const bytes = stream("changed");
  const each = Math.ceil(count / folders);
  for (let n = 0; n < count; n += 100) {
    writeFileSync(fileAt(root, n, each), bytes.update(zeros.subarray(0, size)));
  }
}

/** Path of the n-th file that `makeFiles` wrote. */
export function fileAt(root, n, each) {
  return join(root, `d${String(Math.floor(n / each)).padStart(4, "0")}`, `f${String(n % each).padStart(5, "0")}.bin`);
}

/** One file of `size` bytes. */
export function makeBigFile(path, size, seed = "big") {
  const bytes = stream(seed);
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, "wx");
  for (let written = 0; written < size; written += zeros.length) {
    writeSync(file, bytes.update(zeros.subarray(0, Math.min(zeros.length, size - written))));
  }
  closeSync(file);
}
