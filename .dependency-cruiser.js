// The layer table of docs/architecture.md: imports point down, never up, never in a ring (types included).
const may = {
  base: [],
  formats: ["base"],
  hash: ["base"],
  fs: ["base"],
  db: ["base", "formats", "fs"],
  scm: ["base", "fs"],
  odb: ["base", "fs", "hash"],
  data: ["base", "fs", "hash", "odb"],
  pipeline: ["base", "formats", "fs", "hash", "odb", "data"],
  repo: ["base", "formats", "hash", "fs", "scm", "odb", "data", "pipeline"],
  metrics: ["base", "formats", "fs", "data", "pipeline", "repo"],
  plots: ["base", "formats", "fs", "pipeline", "repo"],
  snapshots: ["base", "formats", "hash", "fs", "scm", "odb", "data", "pipeline", "repo"],
  experiments: ["base", "formats", "hash", "fs", "scm", "odb", "data", "pipeline", "repo", "metrics"],
};
const core = "^packages/core/src/";
const test = "\\.(test|contract)\\.ts$";

export default {
  options: { tsPreCompilationDeps: true, doNotFollow: { path: "node_modules" }, exclude: { path: "/(dist|bin)/" } },
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    ...Object.entries(may).map(([layer, below]) => ({
      name: `layer-${layer}`,
      severity: "error",
      from: { path: `${core}${layer}/`, pathNot: test },
      to: { path: core, pathNot: `${core}(${[layer, ...below].join("|")})/` },
    })),
    {
      name: "formats-are-pure",
      severity: "error",
      from: { path: `${core}formats/`, pathNot: test },
      to: { path: "^(node:)?(fs|fs/promises|child_process|net|http|https)$" },
    },
    {
      name: "cli-uses-the-public-api",
      severity: "error",
      from: { path: "^packages/cli/src/", pathNot: test },
      to: { path: core, pathNot: `${core}(index\\.ts$|api/)` },
    },
  ],
};
