import { colourCode, type Paint, plain } from "./colour.ts";

/** What the colour of a listed name depends on. */
export interface Listed {
  readonly isout: boolean;
  readonly isdir: boolean;
  readonly isexec: boolean;
}

/** Paints a listed name. */
export type LsColours = (entry: Listed, name: string) => string;

/** Colours by LS_COLORS as `ls` uses it, with DVC's own key `out` for tracked data. Nothing where `paint` is plain. */
export function lsColours(paint: Paint, env: Readonly<Record<string, string | undefined>>): LsColours {
  if (paint === plain) return (_entry, name) => name;
  const text = env["LS_COLORS"];
  const codes = new Map<string, string>();
  for (const item of (text === undefined || text === "" ? "rs=0:di=01;34:ex=01;32" : text).split(":")) {
    const equals = item.indexOf("=");
    if (equals > 0) codes.set(item.slice(0, equals), item.slice(equals + 1));
  }
  return (entry, name) => {
    const code = codeOf(entry, name, codes);
    return code === undefined || code === "" ? name : colourCode(code) + name + colourCode(codes.get("rs") ?? "0");
  };
}

function codeOf(entry: Listed, name: string, codes: ReadonlyMap<string, string>): string | undefined {
  if (entry.isout && codes.has("out")) return codes.get("out");
  if (entry.isdir) return codes.get("di");
  if (entry.isexec) return codes.get("ex");
  const base = name.slice(name.lastIndexOf("/") + 1);
  const dot = base.lastIndexOf(".");
  return dot < 0 ? undefined : codes.get(`*${base.slice(dot)}`);
}
