const codes = { red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36, bold: 1, dim: 2 } as const;

/** What a text may be painted with. */
export type Colour = keyof typeof codes;

/** Paints text for a terminal, or leaves it alone. */
export type Paint = (text: string, colour: Colour) => string;

/** Leaves text as it is. */
export const plain: Paint = (text) => text;

/**
 * What our own colours begin with until `visible` prints them: an escape character, and digits that nobody can have written
 * into the name of a file.
 */
export const OWN_ESCAPE: string = `\x1b${String(Math.random()).slice(2)}`;

/** The escape sequence of these codes, ours until it is printed. */
export function colourCode(codes: string): string {
  return `${OWN_ESCAPE}[${codes}m`;
}

/** Wraps text in the terminal's escape sequences. */
export const painted: Paint = (text, colour) =>
  colourCode(String(codes[colour])) + text + colourCode(colour === "bold" || colour === "dim" ? "0" : "39");

/** Colours on a terminal, unless NO_COLOR asks for none (<https://no-color.org>). */
export function paintFor(isTty: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  const refused = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  return isTty && !refused ? painted : plain;
}
