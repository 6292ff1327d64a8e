import type { OptionSpec, OptionTable } from "./command.ts";

const hiddenFlag = (name: string): OptionSpec => ({
  flags: [name],
  kind: "flag",
  help: "",
  default: false,
  hidden: true,
});
const hiddenText = (name: string): OptionSpec => ({
  flags: [name],
  kind: "value",
  help: "",
  default: undefined,
  hidden: true,
});

/** DVC's hidden debugging options: accepted, without effect. */
const debugging: OptionTable = {
  $cprofile: hiddenFlag("--cprofile"),
  $cprofileDump: hiddenText("--cprofile-dump"),
  $yappi: hiddenFlag("--yappi"),
  $yappiSeparateThreads: hiddenFlag("--yappi-separate-threads"),
  $viztracer: hiddenFlag("--viztracer"),
  $viztracerDepth: hiddenText("--viztracer-depth"),
  $viztracerAsync: hiddenFlag("--viztracer-async"),
  $pdb: hiddenFlag("--pdb"),
  $instrument: hiddenFlag("--instrument"),
  $instrumentOpen: hiddenFlag("--instrument-open"),
  $showStack: { flags: ["--show-stack", "--ss"], kind: "flag", help: "", default: false, hidden: true },
};

const help: OptionTable = {
  $help: { flags: ["-h", "--help"], kind: "flag", help: "Print this help and exit.", default: false },
};

const loudness: OptionTable = {
  $quiet: {
    flags: ["-q", "--quiet"],
    kind: "count",
    help: "Print errors of no kind, only asked-for results.",
    default: 0,
    group: "$loudness",
  },
  $verbose: {
    flags: ["-v", "--verbose"],
    kind: "count",
    help: "Print what is being done; -vv prints more.",
    default: 0,
    group: "$loudness",
  },
};

const trust: OptionTable = {
  $trust: {
    flags: ["--trust"],
    kind: "flag",
    help: "Let the project's own config name credential files, programs and other folders, this once.",
    default: false,
    own: true,
  },
};

/** Options that stand before the command. */
export const mainOptions: OptionTable = {
  ...loudness,
  ...help,
  $version: { flags: ["-V", "--version"], kind: "flag", help: "Print the version and exit.", default: false },
  $cd: { flags: ["--cd"], kind: "value", metavar: "<path>", help: "Change to this folder first.", default: undefined },
  $waitForLock: {
    flags: ["--wait-for-lock"],
    kind: "flag",
    help: "Wait for as long as another process holds the lock.",
    default: false,
  },
  ...trust,
  ...debugging,
};

/** Options that every command takes beside its own. */
export const commandOptions: OptionTable = {
  ...help,
  ...loudness,
  $trust: { ...trust["$trust"], hidden: true } as OptionSpec,
  ...debugging,
};
