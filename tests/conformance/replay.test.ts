// Our binary in each scenario, held against what real DVC 3.67.1 did (recorded by scripts/record-conformance.mjs): no DVC needed.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { differences } from "./compare.mjs";
import { covers, readCompatTable } from "./compatTable.mjs";
import { linkAsDvc, play } from "./play.mjs";
import { scenarios } from "./scenarios.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const recorded = join(here, "recorded");
const binary = join(here, "..", "..", "packages", "cli", "bin", "holdfast.js");
const { features, known } = readCompatTable();

let us: ReturnType<typeof linkAsDvc>;
beforeAll(() => (us = linkAsDvc(binary)));
afterAll(() => us.close());

describe.concurrent("as DVC did", () => {
  test.each(scenarios.map((scenario) => [scenario.id, scenario] as const))("%s", async (id, scenario) => {
    const reference = JSON.parse(readFileSync(join(recorded, `${id}.json`), "utf8")) as {
      dvc: string;
      steps: object[];
    };
    expect(reference.dvc).toBe("3.67.1");
    const found = differences(scenario, reference.steps, await play(scenario, () => us.program));
    const meant = known.filter((entry) => entry.scenario === id);
    expect(found.filter((one) => !meant.some((entry) => covers(entry, one.where)))).toEqual([]);
    // A difference that is gone leaves the table, or it would hide the next one.
    expect(meant.filter((entry) => !found.some((one) => covers(entry, one.where)))).toEqual([]);
  });
});

describe("the table in docs/compat.md", () => {
  test("names every scenario, and only those there are", () => {
    const named = new Set(features.flatMap((feature) => feature.scenarios));
    expect([...named].sort()).toEqual(scenarios.map((scenario) => scenario.id).sort());
    const listed = new Map(features.map((feature) => [feature.number, feature.scenarios]));
    expect(scenarios.filter((scenario) => !(listed.get(scenario.feature) ?? []).includes(scenario.id))).toEqual([]);
  });

  test("gives each feature a state, and each difference a scenario and a reason", () => {
    expect(features.filter((feature) => !["same", "differs", "absent"].includes(feature.state))).toEqual([]);
    const ids = new Set(scenarios.map((scenario) => scenario.id));
    expect(known.filter((entry) => !ids.has(entry.scenario) || entry.where === "" || entry.reason.length < 20)).toEqual(
      [],
    );
  });

  test("every scenario has its recording, and there are no others", () => {
    expect(existsSync(recorded)).toBe(true);
    expect(readdirSync(recorded).sort()).toEqual(scenarios.map((scenario) => `${scenario.id}.json`).sort());
  });
});
