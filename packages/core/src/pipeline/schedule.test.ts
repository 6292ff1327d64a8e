import { describe, expect, it } from "vitest";
import { limitsOf, runSchedule, Schedule, type Task } from "./schedule.ts";

const task = (item: string, needs: string[] = [], more: Partial<Task<string>> = {}): Task<string> => ({
  item,
  needs,
  cores: 1,
  mutex: [],
  ...more,
});

/** Takes all that may run now. */
const take = (schedule: Schedule<string>): string[] => {
  const all: string[] = [];
  for (let one = schedule.next(); one !== undefined; one = schedule.next()) all.push(one);
  return all;
};

describe("Schedule", () => {
  it("gives what is ready in the given order, up to the number of jobs", () => {
    const schedule = new Schedule([task("a"), task("b", ["a"]), task("c"), task("d"), task("e", ["x"])], 2);
    expect(take(schedule)).toEqual(["a", "c"]);
    schedule.settle("c");
    expect(take(schedule)).toEqual(["d"]);
    schedule.settle("a");
    expect(take(schedule)).toEqual(["b"]);
    schedule.settle("b");
    schedule.settle("d");
    expect(take(schedule)).toEqual(["e"]);
    expect(schedule.waiting).toEqual([]);
  });

  it("keeps the given order with one job", () => {
    const schedule = new Schedule([task("a"), task("b", ["a"]), task("c")], 1);
    const order: string[] = [];
    for (let all = take(schedule); all.length > 0; all = take(schedule)) {
      expect(all).toHaveLength(1);
      order.push(...all);
      for (const one of all) schedule.settle(one);
    }
    expect(order).toEqual(["a", "b", "c"]);
  });

  it("counts cores; what asks for more than there is runs alone, and is not starved", () => {
    const schedule = new Schedule([task("a", [], { cores: 2 }), task("big", [], { cores: 99 }), task("b")], 3);
    expect(take(schedule)).toEqual(["a"]);
    schedule.settle("a");
    expect(take(schedule)).toEqual(["big"]);
    schedule.settle("big");
    expect(take(schedule)).toEqual(["b"]);
  });

  it("keeps tasks with a common mutex apart and lets others by", () => {
    const gpu = { mutex: ["gpu"] };
    const schedule = new Schedule([task("a", [], gpu), task("b", [], gpu), task("c")], 4);
    expect(take(schedule)).toEqual(["a", "c"]);
    schedule.settle("a");
    expect(take(schedule)).toEqual(["b"]);
  });

  it("does not begin what was settled without running, nor anything after a stop", async () => {
    const schedule = new Schedule([task("a"), task("b", ["a"]), task("c"), task("d")], 1);
    const ran: string[] = [];
    await runSchedule(
      schedule,
      (item) => {
        ran.push(item);
        if (item === "a") schedule.settle("c");
        return Promise.resolve();
      },
      () => ran.length === 2,
    );
    expect(ran).toEqual(["a", "b"]);
    expect(schedule.waiting).toEqual(["d"]);
  });
});

describe("limitsOf", () => {
  it("reads meta.holdfast and forgives what makes no sense", () => {
    expect(limitsOf({ meta: { holdfast: { cores: 4, mutex: "gpu" } } })).toEqual({ cores: 4, mutex: ["gpu"] });
    expect(limitsOf({ meta: { holdfast: { cores: -1, mutex: ["a", 3, ""] } } })).toEqual({ cores: 1, mutex: ["a"] });
    expect(limitsOf({ meta: "x" })).toEqual({ cores: 1, mutex: [] });
    expect(limitsOf({ meta: undefined })).toEqual({ cores: 1, mutex: [] });
  });
});
