import { resolve } from "node:path";
import { commandText } from "@holdfast/core";
import type { Environment } from "@holdfast/core/api/open";
import type { Globals } from "./globalValues.ts";
import type { TextOutput } from "./render/text.ts";
import type { AskSecret } from "./secretPrompt.ts";

/** What the library may know of this process, and how it asks the user. `words`: of the command line. */
export function environment(
  programName: string,
  words: readonly string[],
  { trust }: Globals,
  output: TextOutput,
): Environment {
  const { env } = process;
  const isTrusted = trust || isTrue(env["HOLDFAST_TRUST"]);
  const canAnswer = output.out.isTty && process.stdin.isTTY;
  return {
    cwd: process.cwd(),
    env,
    home: env["HOME"] ?? env["USERPROFILE"] ?? resolve("/"),
    programName,
    pid: process.pid,
    commandLine: commandText([programName, ...words]),
    interactive: false,
    ...(isTrusted ? { trust: true } : {}),
    ...(canAnswer ? { askTrust: (question) => askTrust(question, output) } : {}),
    askSecret: askSecretBy(output),
    ...(output.err.isTty ? { askVisit: (url) => askVisit(url, output) } : {}),
  };
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^(1|true|yes)$/i.test(value);
}

async function askTrust(question: string, output: TextOutput): Promise<boolean> {
  const { askYesNo } = await import("./prompt.ts");
  return askYesNo(question, output);
}

function askSecretBy(output: TextOutput): AskSecret {
  let prompt: Promise<AskSecret> | undefined;
  return async (question) => {
    prompt ??= import("./secretPrompt.ts").then(({ secretPrompt }) =>
      secretPrompt(() => {
        output.finish();
      }),
    );
    return (await prompt)(question);
  };
}

/** Shows the address, and opens it where there is a desktop. */
async function askVisit(url: string, output: TextOutput): Promise<boolean> {
  output.errorLine(`To log in, visit this address with a browser of this machine:\n\n    ${url}\n`);
  const { openInBrowser } = await import("./openInBrowser.ts");
  openInBrowser(url);
  return true;
}
