/** Names less alike than this are no match, as in Python's difflib. */
const CUTOFF = 0.6;

/** The name most like `word`, if any is close to it; of equally close ones the last in code order. */
export function closeMatch(word: string, names: Iterable<string>): string | undefined {
  let best: { name: string; ratio: number } | undefined;
  for (const name of names) {
    const ratio = likeness(name, word);
    if (ratio < CUTOFF) continue;
    if (best === undefined || ratio > best.ratio || (ratio === best.ratio && name > best.name)) best = { name, ratio };
  }
  return best?.name;
}

/** Twice the letters in common blocks by all letters: 1 for equal texts. */
function likeness(a: string, b: string): number {
  return a.length + b.length === 0 ? 1 : (2 * commonLetters(a, b)) / (a.length + b.length);
}

/** The longest common block, and what is common before and after it. */
function commonLetters(a: string, b: string): number {
  let [start, other, length] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++) {
      let size = 0;
      while (i + size < a.length && j + size < b.length && a[i + size] === b[j + size]) size++;
      if (size > length) [start, other, length] = [i, j, size];
    }
  }
  if (length === 0) return 0;
  const before = commonLetters(a.slice(0, start), b.slice(0, other));
  return before + length + commonLetters(a.slice(start + length), b.slice(other + length));
}
