import { afterAll, beforeAll, expect, it } from "vitest";
import { Sandbox } from "../support/faultRun.ts";

/** More files than folders of objects, and more of these than may be open. */
const MAKE = `
git init -q
holdfast init -q
holdfast remote add -q -d store ../remote
make() { mkdir -p data; i=0; while [ $i -lt 700 ]; do echo "$1 $i" > data/$i; i=$((i + 1)); done; }
make first
holdfast add -q data
holdfast push -q
`;

let box: Sandbox;
beforeAll(() => {
  box = new Sandbox();
});
afterAll(() => {
  box.remove();
});

it.runIf(process.platform === "linux")(
  "64 open files are enough for any number of objects",
  { timeout: 60_000 },
  () => {
    box.script(`${MAKE}
make second
ulimit -n 64
holdfast add -q data
holdfast push -q
rm -r data
holdfast checkout -q
rm -r data .dvc/cache/files/md5/[0-9]*
holdfast pull -q
holdfast fsck -q
holdfast gc -q -w -f
`);
    expect(box.run(["status"]).said).toContain("up to date");
  },
);
