import type { TopLevelSpec } from "vega-lite";
import type { Loader, LoggerInterface, Spec } from "vega";
import { importPackage } from "../fs/optionalPackage.ts";
import { toPlainJson } from "./plainJson.ts";

/**
 * Draws a Vega-Lite (or Vega) document as SVG text, with Vega's own renderer. Nothing is loaded from files or the network,
 * and expressions are interpreted, never compiled: the document may be a stranger's.
 */
export async function svgOf(document: unknown): Promise<string> {
  const purpose = "plots as SVG";
  const vega = await importPackage("vega", purpose, () => import("vega"));
  const lite = await importPackage("vega-lite", purpose, () => import("vega-lite"));
  const { expressionInterpreter } = await importPackage("vega-interpreter", purpose, () => import("vega-interpreter"));
  const plain = toPlainJson(document) as { readonly $schema?: string };
  const isVega = /\/vega\/v\d/.test(plain.$schema ?? "");
  const spec = isVega ? (plain as Spec) : lite.compile(plain as TopLevelSpec, { logger: quiet(vega.logger) }).spec;
  const view = new vega.View(vega.parse(spec, undefined, { ast: true }), {
    renderer: "none",
    expr: expressionInterpreter,
    loader: closedLoader(vega.loader()),
    logger: quiet(vega.logger),
  });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

function quiet(logger: (level: number) => LoggerInterface): LoggerInterface {
  return logger(0);
}

/** A loader that opens nothing. */
function closedLoader(loader: Loader): Loader {
  const refuse = (): Promise<never> => Promise.reject(new Error("a plot may not load anything"));
  return Object.assign(loader, { load: refuse, sanitize: refuse, http: refuse, file: refuse });
}
