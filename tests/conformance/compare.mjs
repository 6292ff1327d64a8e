// What counts as the same. Bytes on disk and exit codes always count; of the output, what DVC defines.

/**
 * @param {{steps: object[]}} scenario
 * @param {object[]} expected what DVC did
 * @param {object[]} actual
 * @returns {{where: string, expected: unknown, actual: unknown}[]} `where` is `<n-th command>:<aspect>`, counted from 1
 */
export function differences(scenario, expected, actual) {
  const steps = scenario.steps.filter((step) => step.dvc !== undefined || step.git !== undefined);
  const found = [];
  for (const [index, step] of steps.entries()) {
    const [want, got] = [expected[index], actual[index]];
    const compare = (aspect, a, b) => {
      if (JSON.stringify(a) !== JSON.stringify(b))
        found.push({ where: `${index + 1}:${aspect}`, command: want?.command, expected: a, actual: b });
    };
    compare("exit", want?.exitCode, got?.exitCode);
    if (step.out !== false) compare("stdout", output(step, want?.stdout ?? ""), output(step, got?.stdout ?? ""));
    if (step.err !== false) compare("stderr", messages(want?.stderr ?? ""), messages(got?.stderr ?? ""));
    for (const path of new Set([...Object.keys(want?.changed ?? {}), ...Object.keys(got?.changed ?? {})])) {
      if (!EMPTIED.test(path)) compare(path, content(want?.changed[path]), content(got?.changed[path]));
    }
  }
  return found;
}

/** Whether a folder of objects stays behind when the last object has left it is nobody's business. */
const EMPTIED = /(^|\/)(\.dvc\/cache|remote)\/(.*\/)?$/;

/** Where `sh` lies is this machine's. */
function content(text) {
  return text?.replace("#!/usr/bin/sh\n", "#!/bin/sh\n") ?? text;
}

function output(step, text) {
  const hinted = text.replace(/(\tgit add )(.*)/g, (_, start, files) => start + files.split(" ").sort().join(" "));
  if (step.json === true) return canonical(parseJson(hinted));
  return step.anyOrder === true ? hinted.split("\n").sort() : hinted;
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Lists in DVC's JSON come out of sets: their order is nobody's promise. */
function canonical(value) {
  if (Array.isArray(value))
    return value.map(canonical).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]),
  );
}

/** Warnings and errors; bars, hints of the moment and the footer of unexpected errors are left out. */
function messages(text) {
  return text
    .split("\n")
    .map((line) => line.replace(/^.*\r/, "").trimEnd())
    .filter((line) => line !== "" && !/Having any troubles\?|^\s*\d+%|it\/s|\[00:0/.test(line))
    .sort();
}
