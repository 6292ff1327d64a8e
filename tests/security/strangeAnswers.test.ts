import { afterEach, beforeEach, expect, it } from "vitest";
import { startJsonServer } from "../support/jsonServer.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
  rig.write("data", "data");
  rig.ok("add", "-q", "data");
});
afterEach(() => {
  rig.close();
});

const remotes = {
  gs: (port: number) =>
    `url = gs://b/r\n    endpointurl = http://127.0.0.1:${String(port)}\n    allow_anonymous_login = true\n`,
  webhdfs: (port: number) => `url = webhdfs://127.0.0.1:${String(port)}/r\n`,
};

const named = (...names: readonly string[]): object => ({
  FileStatuses: { FileStatus: names.map((pathSuffix) => ({ pathSuffix, type: "DIRECTORY" })) },
});

it.each<[remote: keyof typeof remotes, answer: object]>([
  ["gs", []],
  ["gs", { items: 5 }],
  ["gs", { items: [null], name: 5 }],
  ["gs", { items: [{ name: { a: 1 } }], name: null }],
  ["gs", { prefixes: [5], size: 5 }],
  ["gs", { nextPageToken: {}, name: [] }],
  ["webhdfs", []],
  ["webhdfs", {}],
  ["webhdfs", { FileStatuses: null, FileStatus: 5 }],
  ["webhdfs", { FileStatuses: { FileStatus: 5 }, FileStatus: { type: 5 } }],
  ["webhdfs", { FileStatuses: { FileStatus: [null] }, FileStatus: { length: -1 } }],
  ["webhdfs", named(".")],
  ["webhdfs", named("..")],
  ["webhdfs", named("../../x")],
  ["webhdfs", named("a\0b")],
  // Ever another folder in the last one.
  ["webhdfs", named("f".repeat(250))],
])("%s: an answer of another shape is told clearly, and ends: %j", async (remote, json) => {
  const server = await startJsonServer(() => ({ json }));
  rig.write(".dvc/config", `[core]\n    remote = r\n['remote "r"']\n    ${remotes[remote](server.port)}`);
  const words = [["fsck", "--remote", "r"], ["gc", "-w", "-c", "-f"], ["list-url", "remote://r/x"], ["push"]];
  const told: string[] = [];
  for (const one of words) {
    const { code, err } = await rig.runBeside(["--trust", ...one]);
    expect([one, code, err]).toEqual([
      one,
      expect.any(Number),
      expect.not.stringMatching(/unexpected error|undefined|^ {4}at /m),
    ]);
    told.push(err);
  }
  await server.stop();
  expect(told.join("")).toMatch(/makes no sense|nested too deeply|does not exist/);
});

it("get-url and import-url of a listing that no folder can hold say so, and write nothing", async () => {
  for (const names of [["a", "a-b", "a/b/c"], ["../evil"], ["a/../../evil"], [".git/hooks/x"]]) {
    const items = names.map((name) => ({ name: `r/x/${name}`, size: "1" }));
    // The folder itself is no object.
    const server = await startJsonServer(({ path }) =>
      path.includes("prefix=") || path.includes("maxResults") ? { json: { items } } : { status: 404, json: {} },
    );
    rig.write(".dvc/config", `['remote "r"']\n    ${remotes.gs(server.port)}`);
    for (const verb of ["get-url", "import-url"]) {
      const { code, err } = await rig.runBeside(["--trust", verb, "remote://r/x", "got"]);
      expect([verb, code, err]).toEqual([verb, expect.any(Number), expect.stringMatching(/both a file|unsafe path/)]);
      expect([code === 0, rig.read("got"), rig.read("got.dvc"), rig.read("../evil")]).toEqual([
        false,
        undefined,
        undefined,
        undefined,
      ]);
    }
    await server.stop();
  }
});
