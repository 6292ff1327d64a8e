import { basename, dirname, extname } from "node:path";
import { pyJsonDumps } from "../formats/pyJson.ts";
import { TemplateError } from "./problem.ts";

/** A picture of the page. `file` is relative to it. */
export interface PageImage {
  readonly revision: string;
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** One part of the page. */
export type PageItem =
  | { readonly kind: "vega"; readonly name: string; readonly spec: unknown }
  | { readonly kind: "image"; readonly name: string; readonly images: readonly PageImage[] };

export interface PageOptions {
  /** Draws the charts: defines `vegaEmbed(selector, spec)`. */
  readonly script: string;
  /** A page of one's own with the places `{plot_divs}` and, if it likes, `{scripts}` and `{refresh_tag}`. */
  readonly template?: string;
  /** Whether the template may do as it pleases; one that came with a repository gets our policy. Default false. */
  readonly isTrusted?: boolean;
  /** Base64 of the SHA-256 of a script. */
  readonly digest: (text: string) => string;
}

/** Pictures up to this size are part of the page, in bytes. */
const MAX_INLINE = 4 * 1024 * 1024;

const TYPES: Readonly<Record<string, string>> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".svg": "image/svg+xml",
};

/**
 * The page of plots: charts in their order, then pictures by folder and name. It needs nothing from the network, and its
 * policy lets only the page's own scripts run.
 * @throws {TemplateError} for a template without a place for the plots
 */
export function pageHtml(items: readonly PageItem[], options: PageOptions): string {
  const scripts: string[] = [];
  const script = (text: string): string => {
    scripts.push(text);
    return `<script>${text}</script>`;
  };
  const hasCharts = items.some(({ kind }) => kind === "vega");
  const library = hasCharts ? script(options.script.replaceAll("</script", "<\\/script")) : "";
  const divs = [...items].sort(byKindAndPlace).map((item) => divOf(item, script));
  const policy = (): string => policyTag(scripts.map(options.digest));
  const { template } = options;
  if (template === undefined) return ownPage(policy(), library, divs);
  if (!template.includes("{plot_divs}")) throw new TemplateError("HTML template has to contain '{plot_divs}'.");
  const parts: Readonly<Record<string, string>> = {
    scripts: library,
    plot_divs: divs.join("\n"),
    refresh_tag: "",
  };
  const filled = template.replace(/\{(scripts|plot_divs|refresh_tag)\}/g, (_, name: string) => parts[name] ?? "");
  return options.isTrusted === true ? filled : policy() + filled;
}

function policyTag(digests: readonly string[]): string {
  const sources = digests.length === 0 ? "'none'" : [...new Set(digests)].map((one) => `'sha256-${one}'`).join(" ");
  const policy = `default-src 'none'; script-src ${sources}; style-src 'unsafe-inline'; img-src data: file: 'self'; base-uri 'none'; form-action 'none'`;
  return `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
}

function ownPage(policy: string, library: string, divs: readonly string[]): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
${policy}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Plots</title>
<style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 24px; color: #24292f; background: #fff;
  display: flex; flex-wrap: wrap; align-items: flex-start; gap: 24px; }
.plot { max-width: 100%; overflow-x: auto; }
.plot:has(.images) { width: 100%; }
.images { display: flex; gap: 16px; }
.images figure { margin: 0; padding: 8px; border: 1px solid #d0d7de; border-radius: 6px; }
.images figcaption { font-weight: 600; margin-bottom: 6px; }
.images img { max-width: 720px; height: auto; display: block; }
h2 { font-size: 15px; margin: 0 0 8px; }
</style>
${library}
</head>
<body>
${divs.join("\n")}
</body>
</html>
`;
}

function divOf(item: PageItem, script: (text: string) => string): string {
  const id = item.name.replace(/[!@#$%^&*()[\]{};,<>?\\/:.|`~=_+ ]/g, "_");
  if (item.kind === "vega") {
    const call = `vegaEmbed(${scriptText(`#${id}`)}, spec);`;
    return `<div class="plot" id="${escapeHtml(id)}">${script(`var spec = ${scriptText(item.spec)}; ${call}`)}</div>`;
  }
  const figures = item.images.map(figureOf).join("\n");
  if (figures === "") return "";
  return `<div class="plot" id="${escapeHtml(id)}">
<h2>${escapeHtml(item.name)}</h2>
<div class="images">
${figures}
</div>
</div>`;
}

function figureOf({ revision, file, bytes }: PageImage): string {
  const type = TYPES[extname(file)] ?? "application/octet-stream";
  const path = file.split("/").map(encodeURIComponent).join("/");
  const isInline = bytes.byteLength <= MAX_INLINE;
  const src = isInline ? `data:${type};base64,${Buffer.from(bytes).toString("base64")}` : path;
  const image = `<img src="${escapeHtml(src)}" alt="${escapeHtml(file)}">`;
  // A picture that can hold scripts is only ever shown as a picture.
  const linked = type === "image/svg+xml" ? image : `<a href="${escapeHtml(path)}">${image}</a>`;
  return `<figure data-file="${escapeHtml(file)}"><figcaption>${escapeHtml(revision)}</figcaption>${linked}</figure>`;
}

/** JSON that can stand in a script of a page, whatever is in it. */
function scriptText(value: unknown): string {
  return pyJsonDumps(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${String(char.charCodeAt(0))};`);
}

/** Charts keep their order; pictures come after them by folder, number (`2.png` before `10.png`) and name. */
function byKindAndPlace(a: PageItem, b: PageItem): number {
  if (a.kind !== b.kind) return a.kind === "vega" ? -1 : 1;
  if (a.kind === "vega") return 0;
  const [folderA, folderB] = [dirname(a.name), dirname(b.name)];
  if (folderA !== folderB) return folderA < folderB ? -1 : 1;
  const [nameA, nameB] = [basename(a.name), basename(b.name)];
  const number = (name: string): number => (/^\d+$/.test(stem(name)) ? Number(stem(name)) : -1);
  return number(nameA) - number(nameB) || (nameA < nameB ? -1 : nameA > nameB ? 1 : 0);
}

function stem(name: string): string {
  return basename(name, extname(name));
}
