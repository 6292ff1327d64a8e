import { resolve } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { isRecord } from "../formats/pyValues.ts";
import { saveDefinition } from "../pipeline/save.ts";
import type { Output } from "../pipeline/stage.ts";
import { findTemplate } from "../plots/findTemplate.ts";
import type { PlotProps } from "../plots/props.ts";
import { loadIndex } from "../repo/index.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { shownPath, viewOf } from "../repo/shown.ts";

/** The properties of the plot as they are now. */
export interface PlotsModifyResult {
  readonly plot: string;
  readonly props: PlotProps;
}

/**
 * Sets and unsets display properties of an output of a stage, which becomes a plot by it.
 * @throws {DvcError} for a path that is no output, or a property that is not set; {TemplateError}
 */
export function plotsModify(
  repo: Repo,
  target: string,
  change: { readonly set?: PlotProps; readonly unset?: readonly string[] },
  options: CallOptions = {},
): Promise<PlotsModifyResult> {
  return changeRepo(repo, "plots modify", options, () => {
    const { template } = (change.set ?? {}) as { readonly template?: unknown };
    if (typeof template === "string" && template !== "") findTemplate(repo, template, true);
    const index = loadIndex(repo);
    index.checkGraph();
    const path = resolve(repo.env.cwd, target);
    const one = index.outs.find(({ out }) => out.isLocal && out.path === path);
    if (one === undefined) {
      throw new DvcError(`Unable to find DVC file with output '${target}'`, { code: "not-found" });
    }
    const { stage, out } = one;
    const props = changed(out, shownPath(repo, out), change);
    const plot = Object.keys(props).length === 0 ? true : props;
    const outs = stage.outs.map((other) => (other === out ? { ...out, plot } : other));
    saveDefinition({ ...stage, outs }, viewOf(repo, options));
    return Promise.resolve({ plot: shownPath(repo, out), props });
  });
}

function changed(
  out: Output,
  shown: string,
  change: { readonly set?: PlotProps; readonly unset?: readonly string[] },
): PlotProps {
  const isPlot = out.plot !== undefined && out.plot !== null && out.plot !== false;
  if (!isPlot && change.unset !== undefined) {
    throw new DvcError(`'${shown}' is not a known plot. Use \`dvc plots modify\` to turn it into one.`);
  }
  const props: Record<string, unknown> = isRecord(out.plot) ? { ...out.plot } : {};
  const unset = [...new Set(change.unset ?? [])];
  const missing = unset.filter((name) => !Object.hasOwn(props, name));
  if (missing.length > 0) {
    const list = missing.map((name) => `'${name}'`).join(", ");
    throw new DvcError(`display properties [${list}] not found in plot '${shown}'`);
  }
  const kept = Object.entries(props).filter(([name]) => !unset.includes(name));
  return Object.fromEntries([...kept, ...Object.entries(change.set ?? {})]);
}
