import { DvcError } from "../base/errors.ts";
import { type Template, templates } from "../plots/templates.ts";

/** Names of the templates for charts. */
export function plotsTemplates(): string[] {
  return [...templates.keys()];
}

/** One template: Vega-Lite with anchors. @throws {DvcError} for an unknown name */
export function plotsTemplate(name: string): Template {
  const template = templates.get(name);
  if (template === undefined) throw new DvcError(`Unexpected template: ${name}.`);
  return template;
}
