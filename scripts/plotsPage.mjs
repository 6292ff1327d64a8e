// What draws the charts in pages of plots: bundled by build.mjs into packages/cli/bin/plots/vega.js.
// Templates may come from a stranger's repository: expressions are interpreted, so that the page's policy can forbid eval;
// settings inside the document are not taken, and nothing is loaded.
import embed from "vega-embed";
import { expressionInterpreter } from "vega-interpreter";

const { document } = globalThis;
globalThis.vegaEmbed = (selector, chart) => {
  const place = document.currentScript?.parentElement ?? document.getElementById(selector.slice(1));
  const { $schema, usermeta: _usermeta, ...spec } = chart;
  const options = {
    mode: /\/vega\/v\d/.test(String($schema)) ? "vega" : "vega-lite",
    ast: true,
    expr: expressionInterpreter,
    renderer: "svg",
    logLevel: 1, // errors: templates leave channels empty on purpose
    actions: { export: true, source: false, compiled: false, editor: false },
    downloadFileName: place.id,
  };
  embed(place, spec, options).catch((error) => {
    place.textContent = `This plot can't be drawn: ${error instanceof Error ? error.message : error}`;
  });
};
