import { type Command, defineCommand, flag, maybe } from "../command.ts";
import { page } from "../render/pager.ts";

/** `dag`. */
export const dag: Command = defineCommand({
  name: "dag",
  summary: "Show how stages depend on each other.",
  description:
    "Draws the graph of stages and tracked files: what is needed above what needs it. With a target, only what that needs.",
  docs: "dag",
  examples: [
    { text: "The whole project", command: "dag" },
    { text: "What one stage needs, for Graphviz", command: "dag --dot train" },
    { text: "Outputs instead of stages, for a Markdown page", command: "dag --outs --md" },
  ],
  options: {
    dot: flag("--dot", "Print it in Graphviz' language."),
    mermaid: flag("--mermaid", "Print it in Mermaid's language."),
    markdown: flag("--md", "Print it in Mermaid's language as a block of Markdown."),
    collapseForeachMatrix: flag("--collapse-foreach-matrix", "Show a foreach or matrix as one stage."),
    full: flag("--full", "Show all that is connected with the target."),
    outs: flag("-o/--outs", "Show outputs instead of stages."),
  },
  positionals: {
    target: maybe("A stage, a file of stages or an output; the whole project when none is given.", "stage"),
  },
  async run(context, { target, dot, mermaid, markdown, json, full, outs, collapseForeachMatrix }) {
    const { dag: dagOf } = await import("@holdfast/core/api/dag");
    const graph = dagOf(await context.open(), target, { ...context.call, full, outs, collapseForeachMatrix });
    if (json) return { graph, text: "" };
    const { dagAscii, dagDot, dagMermaid } = await import("../render/dagText.ts");
    if (dot) return { graph, text: dagDot(graph) };
    return { graph, text: mermaid || markdown ? dagMermaid(graph, markdown) : dagAscii(graph) };
  },
  toJson: ({ graph }) => graph,
  render({ text }, context, { dot, mermaid, markdown }) {
    if (dot || mermaid || markdown) context.line(text);
    else page(text, context);
  },
});
