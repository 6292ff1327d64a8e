/**
 * Compares two strings by code point, as Python does. UTF-16 order differs where a surrogate pair (U+10000 and up) meets
 * U+E000 to U+FFFF.
 */
export function compareCodePoints(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      // Lifts surrogates above the rest of the basic plane; the pair's first unit decides, since pairs sort by it.
      const liftX = x >= 0xd800 && x <= 0xdfff ? x + 0x10000 : x;
      const liftY = y >= 0xd800 && y <= 0xdfff ? y + 0x10000 : y;
      return liftX - liftY;
    }
  }
  return a.length - b.length;
}

/** Whether plain UTF-16 order of this string may differ from code point order. */
export function needsCodePointOrder(text: string): boolean {
  return /[\ud800-\uffff]/.test(text);
}

/** Sorts records in place by code point of their paths. */
export function sortByPath<T extends { readonly path: string }>(items: T[]): T[] {
  const isPlain = !items.some(({ path }) => needsCodePointOrder(path));
  return items.sort(isPlain ? (a, b) => (a.path < b.path ? -1 : 1) : (a, b) => compareCodePoints(a.path, b.path));
}

/** Sorts strings in place by code point. */
export function sortByCodePoint(names: string[]): string[] {
  for (const name of names) {
    if (needsCodePointOrder(name)) return names.sort(compareCodePoints);
  }
  return names.sort();
}
