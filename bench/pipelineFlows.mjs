// Flows with many stages or many `.dvc` files, and the numbers and pictures that come out of pipelines.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dudRun, writeDudChain } from "./otherTools.mjs";

const numbers = Array.from({ length: 100 }, (_, n) => n);
const list = (values) => values.join("");

/** A hundred stages, each of which copies what the one before it made; the same as a Makefile for comparison. */
function writeChain({ dir, home }) {
  writeFileSync(join(dir, "f0"), "start\n");
  const stage = (n) => `  s${n}:\n    cmd: cp f${n} f${n + 1}\n    deps:\n    - f${n}\n    outs:\n    - f${n + 1}\n`;
  writeFileSync(join(dir, "dvc.yaml"), `stages:\n${list(numbers.map(stage))}`);
  mkdirSync(join(home, "make"), { recursive: true });
  writeFileSync(join(home, "make", "f0"), "start\n");
  const rule = (n) => `f${n + 1}: f${n}\n\tcp f${n} f${n + 1}\n`;
  writeFileSync(join(home, "make", "Makefile"), `all: f100\n${list(numbers.map(rule))}`);
  writeDudChain(join(home, "dud"), numbers.length);
}

const peers = {
  make: ({ home }) => ["make", "-s", "-C", join(home, "make")],
  dud: ({ home }) => dudRun(join(home, "dud")),
};

function writeThousandFiles({ dir }, words) {
  mkdirSync(join(dir, "data"), { recursive: true });
  for (let n = 0; n < 1000; n++) writeFileSync(join(dir, "data", `f${n}`), `${words} ${n}\n`);
}

const thousand = Array.from({ length: 1000 }, (_, n) => `data/f${n}`);

/** A project with metrics, parameters and plots of two commits. */
function writeNumbers({ dir }, version) {
  const metrics = {
    accuracy: 0.9 + version / 100,
    losses: Object.fromEntries(numbers.map((n) => [`l${n}`, n / version])),
  };
  writeFileSync(join(dir, "metrics.json"), JSON.stringify(metrics));
  writeFileSync(join(dir, "params.yaml"), `lr: 0.${version}\n${list(numbers.map((n) => `p${n}: ${n * version}\n`))}`);
  writeFileSync(join(dir, "curve.csv"), `epoch,loss\n${list(numbers.map((n) => `${n},${version / (n + 1)}\n`))}`);
  writeFileSync(
    join(dir, "dvc.yaml"),
    "metrics:\n- metrics.json\nparams:\n- params.yaml\nplots:\n- curve.csv:\n    x: epoch\n    y: loss\n",
  );
}

const matrix = `stages:\n  one:\n    matrix:\n      a: [${Array.from({ length: 50 }, (_, n) => n)}]\n      b: [${Array.from({ length: 40 }, (_, n) => n)}]\n    cmd: echo \${item.a} \${item.b}\n`;
const sleepers = `stages:\n${list(numbers.slice(0, 8).map((n) => `  s${n}:\n    cmd: sleep 1\n    always_changed: true\n`))}`;

/** The flows. `newRepo`, `init`, `commitAll` and `setAside` are the steps that all flows share. */
export function pipelineFlows({ newRepo, init, commitAll, setAside }) {
  const goal = (id, label, run, atLeast, more = {}) => ({ case: id, label, run, atLeast, ...more });
  return [
    {
      name: "chain",
      steps: [
        newRepo,
        init,
        commitAll,
        { do: writeChain },
        goal("chain-repro", "repro, 100 chained stages", ["repro"], 15, { limits: peers }),
        goal("chain-again", "repro, nothing to do", ["repro"], 15, { limits: peers }),
        goal("chain-status", "status, 100 stages", ["status"], 15),
        goal("chain-dag", "dag, 100 stages", ["dag"], 15),
      ],
    },
    {
      name: "thousand",
      steps: [
        newRepo,
        init,
        { do: (context) => writeThousandFiles(context, "first") },
        { run: ["add", "-q", ...thousand] },
        commitAll,
        goal("thousand-status", "status, 1,000 .dvc files", ["status"], 15),
        goal("thousand-nothing", "checkout, 1,000 .dvc, nothing to do", ["checkout"], 15),
        { do: (context) => writeThousandFiles(context, "second") },
        { run: ["add", "-q", ...thousand] },
        commitAll,
        goal("thousand-diff", "diff HEAD~1, 1,000 .dvc", ["diff", "HEAD~1"], 15),
        ...thousand.map((path) => ({ do: setAside(path) })),
        goal("thousand-checkout", "checkout, 1,000 .dvc files", ["checkout"], 15),
      ],
    },
    {
      name: "numbers",
      steps: [
        newRepo,
        init,
        { do: (context) => writeNumbers(context, 1) },
        commitAll,
        { do: (context) => writeNumbers(context, 2) },
        goal("metrics-show", "metrics show", ["metrics", "show"], 10),
        goal("metrics-diff", "metrics diff", ["metrics", "diff"], 10),
        goal("params-diff", "params diff", ["params", "diff"], 10),
        goal("plots-show", "plots show", ["plots", "show"], 10),
        goal("plots-diff", "plots diff", ["plots", "diff"], 10),
      ],
    },
    {
      name: "matrix",
      steps: [
        newRepo,
        init,
        { do: ({ dir }) => writeFileSync(join(dir, "dvc.yaml"), matrix) },
        { case: "matrix-list", label: "stage list, matrix of 2,000", run: ["stage", "list"], under: 1 },
      ],
    },
    {
      name: "parallel",
      onlyOurs: true,
      steps: [
        newRepo,
        init,
        { do: ({ dir }) => writeFileSync(join(dir, "dvc.yaml"), sleepers) },
        { case: "parallel", label: "repro -j 8, eight stages of 1 s", run: ["repro", "-j", "8"], under: 2.5 },
      ],
    },
  ];
}
