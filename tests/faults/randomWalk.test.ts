import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { handSteps } from "../support/walk/handSteps.ts";
import { Model } from "../support/walk/model.ts";
import { programSteps } from "../support/walk/programSteps.ts";
import { World } from "../support/walk/world.ts";

/** So many walks of each kind, of so many steps; more with `make test-long`. */
const LONG = process.env["HOLDFAST_LONG"] === "1";
const WALKS = Number(process.env["HOLDFAST_WALKS"] ?? (LONG ? "40" : "1"));
const STEPS = LONG ? 80 : 40;
const SEED = Number(process.env["HOLDFAST_SEED"] ?? "20261127");
/** What `seed` and `path` of a failure say, to play it again. */
const PATH = process.env["HOLDFAST_WALK_PATH"];
const SHRINKS = process.env["HOLDFAST_SHRINK"] === "1";

describe("a random walk: no byte is lost, the disk is as the model says, looking changes nothing", () => {
  it.each(["copy", "hardlink", "symlink"])("%s", { timeout: LONG ? 7_200_000 : 120_000 }, (type) => {
    const steps = fc.commands([...handSteps, ...programSteps], {
      maxCommands: STEPS,
      size: "max",
      ...(PATH === undefined ? {} : { replayPath: process.env["HOLDFAST_REPLAY"] ?? "" }),
    });
    const property = fc.property(steps, (walk) => {
      const world = new World(type);
      try {
        fc.modelRun(() => ({ model: new Model(type), real: world }), walk);
      } catch (error) {
        throw new Error(`${world.log.join("\n")}\n${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      } finally {
        world.remove();
      }
    });
    const result = fc.check(property, {
      seed: SEED,
      numRuns: WALKS,
      endOnFailure: !SHRINKS,
      ...(PATH === undefined ? {} : { path: PATH }),
    });
    const why = result.errorInstance instanceof Error ? result.errorInstance.message : "";
    expect(result.failed ? `${fc.defaultReportMessage(result)}\n${why}` : "").toBe("");
  });
});
