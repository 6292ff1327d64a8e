import type { Repo } from "../repo/repo.ts";
import { warn, type CallOptions } from "../base/events.ts";
import { type Datapoint, flatten } from "./datapoints.ts";
import { defaultTemplate, findTemplate, type NamedTemplate } from "./findTemplate.ts";
import type { PlotsMoment } from "./moment.ts";
import { type Problem, problemOf } from "./problem.ts";
import { type PlotProps, sourcesOf } from "./props.ts";
import { isImage, isNothing, type PlotSource } from "./source.ts";
import type { Chart } from "./vegaSpec.ts";

/** A picture at one revision. */
export interface PlotImage {
  readonly revision: string;
  /** As the definition names it, relative to the working folder. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** One plot over all revisions, with what went wrong on the way. */
export type Plot = {
  readonly name: string;
  readonly errors: readonly PlotProblem[];
} & (
  { readonly kind: "vega"; readonly chart: Chart } | { readonly kind: "image"; readonly images: readonly PlotImage[] }
);

/** A problem of one plot at one revision; `source` is the file that could not be read. */
export interface PlotProblem extends Problem {
  readonly name: string;
  readonly rev: string;
  readonly source?: string;
}

interface Definition {
  readonly moment: PlotsMoment;
  /** The plot's id without its file. */
  readonly id: string;
  readonly props: PlotProps;
}

/**
 * Joins the moments plot by plot.
 * @throws {TemplateError}, {UnsafePathError} for templates that can't be used.
 */
export function plotsOf(repo: Repo, moments: readonly PlotsMoment[], given: PlotProps, options: CallOptions): Plot[] {
  const found = new Map<unknown, NamedTemplate>();
  const templateOf = (wanted: unknown): NamedTemplate => {
    let template = found.get(wanted);
    if (template === undefined) {
      template = findTemplate(repo, typeof wanted === "string" ? wanted : undefined, wanted === given["template"]);
      found.set(wanted, template);
    }
    return template;
  };
  return [...grouped(moments)].map(([name, group]) => plotOf(name, group, templateOf, options));
}

/** Definitions of equal name over the moments. A name that several files use has the file before it. */
function grouped(moments: readonly PlotsMoment[]): Map<string, Definition[]> {
  const groups = new Map<string, Definition[]>();
  for (const moment of moments) {
    const byId = new Map<string, { file: string; props: PlotProps }[]>();
    for (const [file, plots] of moment.definitions.files) {
      for (const [id, props] of plots) byId.set(id, [...(byId.get(id) ?? []), { file, props }]);
    }
    for (const [id, all] of byId) {
      for (const { file, props } of all) {
        const name = all.length === 1 || file === "" ? id : `${file}::${id}`;
        groups.set(name, [...(groups.get(name) ?? []), { moment, id, props }]);
      }
    }
  }
  return groups;
}

function plotOf(
  name: string,
  group: readonly Definition[],
  templateOf: (wanted: unknown) => NamedTemplate,
  options: CallOptions,
): Plot {
  const [first] = group;
  const isPicture = first !== undefined && isImage(first.id);
  const shared: Record<string, unknown> = {};
  for (const { props } of [...group].reverse()) Object.assign(shared, props);
  const title = isPicture ? (first?.id ?? name) : name;
  const unreadable: PlotProblem[] = [];
  const undrawable: PlotProblem[] = [];
  const rows: Datapoint[] = [];
  const images: PlotImage[] = [];
  const revisions: string[] = [];
  let props: PlotProps = {};
  for (const { moment, id, props: own } of group) {
    const sources = new Map<string, PlotSource>();
    for (const file of sourcesOf(id, own)) {
      const source = moment.sources.get(file);
      if (source?.error !== undefined) {
        unreadable.push({ name: title, rev: moment.name, source: file, ...source.error });
      } else if (source?.image !== undefined) {
        sources.set(file, source);
        if (isPicture) images.push({ revision: moment.name, file, bytes: source.image });
      } else if (source !== undefined && !isNothing(source.values)) sources.set(file, source);
    }
    if (isPicture) continue;
    try {
      const flat = flatten(id, shared, sources, moment.name);
      if (flat.datapoints.length > 0 && !revisions.includes(moment.name)) revisions.push(moment.name);
      if (Object.keys(props).length === 0) props = flat.props;
      for (const row of flat.datapoints) rows.push(row);
    } catch (error) {
      const problem = problemOf(error);
      warn(options, `In '${moment.name}', ${problem.msg.toLowerCase()}`);
      undrawable.push({ name: title, rev: moment.name, ...problem });
    }
  }
  const errors = [...unreadable, ...undrawable];
  if (isPicture) return { name: title, kind: "image", images, errors };
  const chart = {
    // Nothing to draw: whatever is wrong with the template does not matter.
    template: rows.length === 0 ? defaultTemplate() : templateOf(props["template"]),
    datapoints: rows,
    revisions,
    props: { ...props, title: props["title"] ?? title },
  };
  return { name, kind: "vega", chart, errors };
}
