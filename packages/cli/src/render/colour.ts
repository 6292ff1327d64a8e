const codes = { red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36, bold: 1, dim: 2 } as const;

/** What a text may be painted with. */
export type Colour = keyof typeof codes;

/** Paints text for a terminal, or leaves it alone. */
export type Paint = (text: string, colour: Colour) => string;

/** Leaves text as it is. */
export const plain: Paint = (text) => text;

/** Wraps text in the terminal's escape sequences. */
export const painted: Paint = (text, colour) =>
  `\x1b[${String(codes[colour])}m${text}\x1b[${colour === "bold" || colour === "dim" ? "0" : "39"}m`;

/** Colours on a terminal, unless NO_COLOR asks for none (<https://no-color.org>). */
export function paintFor(isTty: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  const refused = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  return isTty && !refused ? painted : plain;
}
