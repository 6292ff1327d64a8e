import { describe, expect, it } from "vitest";
import { artifactText, compareVersions, parseArtifactName, parseArtifactTag } from "./artifactTag.ts";

describe("tags of a registry", () => {
  it("register versions and assign stages, and take both back", () => {
    expect(parseArtifactTag("mm@v1.2.3")).toEqual({
      name: "mm",
      version: "v1.2.3",
      stage: undefined,
      isTakenBack: false,
    });
    expect(parseArtifactTag("mm@v1.2.3!#4")?.isTakenBack).toBe(true);
    expect(parseArtifactTag("sub/dir=mm#prod#12")).toMatchObject({
      name: "sub/dir:mm",
      stage: "prod",
      isTakenBack: false,
    });
    expect(parseArtifactTag("mm#prod!")).toMatchObject({ stage: "prod", isTakenBack: true });
    expect(parseArtifactTag("mm@v1.0.0-rc.1+build.5")?.version).toBe("v1.0.0-rc.1+build.5");
    expect(parseArtifactTag("mm@deprecated")).toMatchObject({ name: "mm", version: undefined, stage: undefined });
  });

  it("are no other tags", () => {
    for (const tag of [
      "v1.0.0",
      "mm@1.0.0",
      "mm@v1.0",
      "mm@v01.0.0",
      "-mm@v1.0.0",
      "mm#",
      "mm#prod#x",
      "a".repeat(2000) + "@v1.0.0",
    ])
      expect([tag.slice(0, 20), parseArtifactTag(tag)]).toEqual([tag.slice(0, 20), undefined]);
  });
});

describe("names of artifacts", () => {
  it("may say the folder, also by its dvc.yaml", () => {
    expect(parseArtifactName("mm")).toEqual({ folder: "", name: "mm" });
    expect(parseArtifactName("dvc.yaml:mm")).toEqual({ folder: "", name: "mm" });
    expect(parseArtifactName("a/b:mm")).toEqual({ folder: "a/b", name: "mm" });
    expect(artifactText(parseArtifactName("a/b/dvc.yaml:mm") ?? { folder: "", name: "" })).toBe("a/b:mm");
    expect(parseArtifactName("bad name!")).toBeUndefined();
  });
});

describe("versions", () => {
  it("are ordered as semantic versioning has it", () => {
    const ordered = [
      "v0.9.0",
      "v1.0.0-alpha",
      "v1.0.0-alpha.1",
      "v1.0.0-alpha.beta",
      "v1.0.0-2",
      "v1.0.0",
      "v1.9.0",
      "v1.10.0",
    ];
    const right = [
      "v0.9.0",
      "v1.0.0-2",
      "v1.0.0-alpha",
      "v1.0.0-alpha.1",
      "v1.0.0-alpha.beta",
      "v1.0.0",
      "v1.9.0",
      "v1.10.0",
    ];
    expect([...ordered].sort(compareVersions)).toEqual(right);
    expect([...ordered].reverse().sort(compareVersions)).toEqual(right);
    expect(compareVersions("v1.0.0+a", "v1.0.0+b")).toBe(0);
  });
});
