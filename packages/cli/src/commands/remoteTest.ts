import type { RemoteTestResult } from "@holdfast/core/api/remoteTest";
import { type Command, defineCommand, defined, flag, int, maybe } from "../command.ts";
import type { Context } from "../context.ts";
import { byteSize } from "../render/humane.ts";

const TITLES: Readonly<Record<RemoteTestResult["steps"][number]["name"], string>> = {
  credentials: "credentials",
  list: "list the folder",
  write: "write an object",
  stat: "look at it",
  read: "read it back",
  range: "read a part of it",
  find: "find it in the listing",
  remove: "remove it",
};
const MIB = 1 << 20;

/** `remote test`. */
export const test: Command = defineCommand({
  name: "test",
  summary: "Find out whether a remote works, and how fast.",
  description:
    "Looks for credentials and says where they come from, then writes, reads, lists and removes an object of its own, measures latency and throughput, and says in words what is wrong. The exit code is 1 when something does not work.",
  examples: [
    { text: "The default remote", command: "remote test" },
    { text: "One that only others may write to", command: "remote test --read-only public" },
    { text: "For a script, without measuring speeds", command: "remote test storage --size 0 --json" },
  ],
  options: {
    readOnly: flag("--read-only", "Write nothing."),
    size: int("--size", "<MiB>", "Size of the object that throughput is measured with (default: 8; 0: don't measure)."),
  },
  positionals: { name: maybe("The remote (default: core.remote).", "remote") },
  async run(context, { name, readOnly, size }) {
    const { testRemote } = await import("@holdfast/core/api/remoteTest");
    const repo = await context.open();
    const bytes = size === undefined ? undefined : Math.max(0, size) * MIB;
    return testRemote(repo, name, { ...context.call, readOnly, ...defined({ size: bytes }) });
  },
  exitCode: ({ ok }) => (ok ? 0 : 1),
  render(result, context) {
    context.line(`${context.paint(result.name, "bold")}  ${result.url}`);
    for (const { option, value, level } of result.settings)
      if (option !== "url") context.line(`  ${option} = ${value}  (${level} config)`);
    printAccess(result, context);
    context.line("");
    for (const step of result.steps) printStep(step, context);
    printSpeed(result, context);
    context.line("");
    const { pull, push, gc } = result.can;
    context.line(`pull: ${pull}   push: ${push}   gc -c: ${gc}`);
    for (const sentence of result.advice) context.line(sentence);
  },
});

function printAccess({ access }: RemoteTestResult, context: Context): void {
  const facts = [
    ["credentials", access?.credentials],
    ["identity", access?.identity],
    ["endpoint", access?.endpoint],
    ["region", access?.region],
  ] as const;
  for (const [name, value] of facts) if (value !== undefined) context.line(`  ${name}: ${value}`);
}

function printStep({ name, outcome, ms, note, problem }: RemoteTestResult["steps"][number], context: Context): void {
  const title = TITLES[name].padEnd(24);
  if (outcome === "failed") {
    context.line(`${context.paint("✗", "red")} ${title}${problem?.message ?? ""}`);
    if (problem?.hint !== undefined) context.line(`  ${" ".repeat(24)}${problem.hint}`);
  } else if (outcome === "skipped") context.line(`- ${title}skipped: ${note ?? ""}`);
  else {
    const remark = note === undefined || name === "credentials" ? "" : `  ${note}`;
    context.line(`${context.paint("✓", "green")} ${title}${millis(ms)}${remark}`);
  }
}

function printSpeed({ speed }: RemoteTestResult, context: Context): void {
  if (speed === undefined) return;
  const { latencyMs, large, small } = speed;
  const rate = (bytes: number): string => `${byteSize(bytes)}/s`;
  context.line("");
  context.line(`latency                   ${millis(latencyMs.median)} (slowest ${millis(latencyMs.worst)})`);
  context.line(
    `one object of ${byteSize(large.bytes).padEnd(12)}write ${rate(large.writeBytesPerSecond)}, read ${rate(large.readBytesPerSecond)}`,
  );
  context.line(
    `${String(small.objects)} objects of ${byteSize(small.bytes).padEnd(12)}write ${small.writesPerSecond.toFixed(0)}/s, read ${small.readsPerSecond.toFixed(0)}/s, ${String(small.atOnce)} at once`,
  );
}

function millis(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(0)} ms`;
}
