import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeFileSystem } from "../../packages/core/src/fs/fs.contract.ts";
import { openStorage, type OpenedStorage, type OpenOptions } from "../../packages/core/src/fs/open.ts";
import { type Ran, Rig } from "../support/rig.ts";
import { DRIVE_USER, type DriveFile, type ScriptedDrive, startScriptedDrive } from "../support/scriptedDrive.ts";

const SERVICE = { gdrive_use_service_account: "true" };

for (const root of ["top", "team"]) {
  describeFileSystem(`Google Drive, ${root === "team" ? "a shared drive" : "a folder"}`, async () => {
    const own = await startScriptedDrive();
    const env = { HOLDFAST_GDRIVE_ENDPOINT: own.endpoint, GDRIVE_CREDENTIALS_DATA: own.serviceKey };
    const { fs, root: folder } = await openStorage(`gdrive://${root}/some/folder`, {
      values: SERVICE,
      env,
      home: "/no",
    });
    return { fs, folder, stop: () => own.stop() };
  });
}

let drive: ScriptedDrive;
let home: string;
beforeAll(async () => {
  drive = await startScriptedDrive();
  home = mkdtempSync(join(tmpdir(), "hf-drive-"));
});
afterAll(async () => {
  rmSync(home, { recursive: true });
  await drive.stop();
});
afterEach(() => {
  for (const id of drive.files.keys()) if (id !== "top" && id !== "team") drive.files.delete(id);
  drive.tokensFor.length = drive.faults.length = drive.seen.length = 0;
});

type Texts = Record<string, string>;
const open = (
  url = "gdrive://top",
  values: Texts = SERVICE,
  more: Partial<OpenOptions> = {},
): Promise<OpenedStorage> => {
  const env = { HOLDFAST_GDRIVE_ENDPOINT: drive.endpoint, GDRIVE_CREDENTIALS_DATA: drive.serviceKey, ...more.env };
  return openStorage(url, { values, home, ...more, env });
};
const named = (name: string): DriveFile[] => [...drive.files.values()].filter((file) => file.name === name);
const put = (file: Partial<DriveFile> & { readonly id: string; readonly name: string }): void => {
  const usual = { mimeType: "text/plain", parents: ["top"], bytes: Buffer.from(file.id), trashed: false };
  drive.files.set(file.id, { ...usual, ...file });
};
const FOLDER = { mimeType: "application/vnd.google-apps.folder", bytes: undefined };
const paths = async (list: AsyncIterable<{ readonly path: string }>): Promise<string[]> => {
  const all: string[] = [];
  for await (const { path } of list) all.push(path);
  return all.sort();
};

describe("gdrive://", () => {
  it("logs in as a service account, for itself or for a user, and as a user who logged in by DVC", async () => {
    const key = join(home, "key.json");
    writeFileSync(key, drive.serviceKey);
    const none = { env: { GDRIVE_CREDENTIALS_DATA: "" } };
    const service = { ...SERVICE, gdrive_service_account_json_file_path: key };
    await (await open("gdrive://top", service, none)).fs.stat("top");
    const forUser = { ...service, gdrive_service_account_user_email: "ann@project.example" };
    const delegated = await open("gdrive://top", forUser, none);
    await delegated.fs.stat("top");
    expect(await delegated.fs.access?.()).toMatchObject({ identity: "ann@project.example" });
    const kept = join(home, ".cache", "pydrive2fs", "my-client.apps");
    mkdirSync(kept, { recursive: true });
    const saved = { ...DRIVE_USER, token_uri: `${drive.endpoint}/token`, _class: "OAuth2Credentials" };
    writeFileSync(join(kept, "default.json"), JSON.stringify(saved));
    await (await open("gdrive://top", {}, none)).fs.stat("top");
    await (await open("gdrive://top", {}, { env: { GDRIVE_CREDENTIALS_DATA: JSON.stringify(saved) } })).fs.stat("top");
    expect(drive.tokensFor).toEqual(["robot@project.example", "ann@project.example", "user", "user"]);
    rmSync(join(home, ".cache"), { recursive: true });
  });

  it("says what is missing, and tells no secret", async () => {
    const none = { env: { GDRIVE_CREDENTIALS_DATA: "" } };
    await expect(open("gdrive://top", SERVICE, none)).rejects.toThrow("gdrive_service_account_json_file_path");
    await expect(open("gdrive://", SERVICE)).rejects.toMatchObject({ code: "config" });
    const client = { gdrive_client_id: "my-client.apps", gdrive_client_secret: "my-secret" };
    await expect(open("gdrive://top", { gdrive_client_id: "x" })).rejects.toThrow("one is missing");
    for (const values of [{}, client]) {
      const error: unknown = await (
        await open("gdrive://top", values, none)
      ).fs
        .stat("top")
        .catch((one: unknown) => one);
      expect(error).toMatchObject({ name: "ConfigError", hint: expect.stringMatching(/service account/) as string });
      expect(String(error)).not.toContain("my-secret");
    }
    const broken = await open("gdrive://top", SERVICE, { env: { GDRIVE_CREDENTIALS_DATA: "secret {" } });
    const error: unknown = await broken.fs.stat("top").catch((one: unknown) => one);
    expect(String(error)).toContain("are no JSON");
    expect(String(error)).not.toContain("secret");
    await expect((await open("gdrive://nowhere")).fs.stat("nowhere/x")).rejects.toMatchObject({ code: "config" });
    const untrusted = { untrusted: new Set(["gdrive_user_credentials_file"]), projectRoot: home, ...none };
    await expect(open("gdrive://top", { gdrive_user_credentials_file: "x.json" }, untrusted)).rejects.toThrow("inside");
  });

  it("lets a user log in with a browser, and keeps that for the next time", async () => {
    const client = { gdrive_client_id: "my-client.apps", gdrive_client_secret: "my-secret" };
    const visited: URL[] = [];
    const none = { env: { GDRIVE_CREDENTIALS_DATA: "" } };
    const kept = join(home, "kept", "user.json");
    const values = { ...client, gdrive_user_credentials_file: kept };
    const askVisit = async (url: string): Promise<boolean> => {
      const page = new URL(url);
      visited.push(page);
      const back = page.searchParams.get("redirect_uri") ?? "";
      expect((await fetch(`${back}?code=stolen&state=guess`)).status).toBe(404);
      const error = visited.length === 1 ? "error=access_denied" : "code=given";
      drive.codes.set("given", page.searchParams.get("code_challenge") ?? "");
      expect((await fetch(`${back}?${error}&state=${page.searchParams.get("state") ?? ""}`)).status).toBe(200);
      return true;
    };
    const refused = await open("gdrive://top", values, { askVisit, ...none });
    await expect(refused.fs.stat("top")).rejects.toThrow("access_denied");
    const { fs } = await open("gdrive://top", values, { askVisit, ...none });
    expect(await fs.stat("top")).toMatchObject({ type: "folder" });
    expect(JSON.parse(readFileSync(kept, "utf8"))).toMatchObject({ ...DRIVE_USER, _class: "OAuth2Credentials" });
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    await (await open("gdrive://top", values, none)).fs.stat("top");
    expect(drive.tokensFor).toEqual(["new user", "user", "user"]);
    expect(visited[1]?.origin).toBe("https://accounts.google.com");
    expect(visited[1]?.searchParams.get("scope")).toContain("auth/drive");
  });

  it("reads folders of one name as one, the first file of a name, and only names that fit exactly", async () => {
    put({ id: "d2", name: "data", ...FOLDER });
    put({ id: "d1", name: "data", ...FOLDER });
    put({ id: "d3", name: "DATA", ...FOLDER });
    put({ id: "f2", name: "it's", parents: ["d2"] });
    put({ id: "f1", name: "it's", parents: ["d1"] });
    put({ id: "f3", name: "only \\ here", parents: ["d2"] });
    put({ id: "f4", name: "IT'S", parents: ["d1"] });
    put({
      id: "f5",
      name: "a document",
      parents: ["d1"],
      mimeType: "application/vnd.google-apps.document",
      bytes: undefined,
    });
    put({ id: "f6", name: "binned", parents: ["d1"], trashed: true });
    const { fs } = await open();
    expect((await fs.readBytes("top/data/it's")).toString()).toBe("f1");
    expect((await fs.readBytes("top/data/only \\ here")).toString()).toBe("f3");
    const all = ["top/data/IT'S", "top/data/it's", "top/data/only \\ here"];
    expect(await paths(fs.children("top/data"))).toEqual(all);
    expect(await paths(fs.list("top/data"))).toEqual(all);
    await fs.write("top/data/it's", { bytes: Buffer.from("new") });
    expect(
      named("it's")
        .map(({ id, bytes }) => `${id} ${String(bytes)}`)
        .sort(),
    ).toEqual(["f1 new", "f2 f2"]);
    await fs.remove("top/data/it's");
    expect(named("it's")).toEqual([]);
    put({ id: "f7", name: "../../up", parents: ["d1"] });
    await expect(paths(fs.list("top/data"))).rejects.toThrow("can't be part of a path");
  });

  it("makes no second file or folder when an answer is lost, and waits when it asks too fast", async () => {
    const { fs } = await open();
    await fs.stat("top/x");
    for (const fault of [
      "lost",
      { status: 403, reason: "userRateLimitExceeded" },
      { status: 500, reason: "backendError" },
    ] as const) {
      drive.seen.length = 0;
      // The fault meets each kind of request on the way once.
      for (let nth = 0; nth < 6; nth++) {
        drive.faults.push(...Array.from({ length: nth }, () => undefined as never), fault);
        const name = `${typeof fault === "object" ? fault.reason : fault}-${String(nth)}`;
        await fs.write(`top/folder-${name}/file-${name}`, { bytes: Buffer.from(name) });
        drive.faults.length = 0;
        expect(named(`folder-${name}`)).toHaveLength(1);
        expect(named(`file-${name}`).map(({ bytes }) => String(bytes))).toEqual([name]);
      }
    }
  }, 60_000);

  it("goes on with a large file where it was when an answer is lost", async () => {
    const { fs } = await open();
    const bytes = randomBytes(40 << 20);
    const file = join(home, "large");
    writeFileSync(file, bytes);
    await fs.write("top/first", { bytes: Buffer.from("x") });
    const begun = drive.seen.length;
    drive.faults.push(...Array.from({ length: 3 }, () => undefined as never), "lost", "lost");
    await fs.write("top/large", { file, size: bytes.length });
    expect(named("large").map((one) => one.bytes?.equals(bytes))).toEqual([true]);
    expect(drive.seen.slice(begun).filter((one) => one.startsWith("PUT")).length).toBeLessThanOrEqual(7);
  }, 60_000);

  it("minds the trash, files that Google takes for harmful, and full drives", async () => {
    put({ id: "bad", name: "bad", harmful: true });
    const { fs } = await open();
    await expect(fs.readBytes("top/bad")).rejects.toMatchObject({
      hint: expect.stringContaining("acknowledge_abuse") as string,
    });
    const brave = await open("gdrive://top", {
      ...SERVICE,
      gdrive_acknowledge_abuse: "true",
      gdrive_trash_only: "true",
    });
    expect((await brave.fs.readBytes("top/bad")).toString()).toBe("bad");
    await brave.fs.remove("top/bad");
    expect(drive.files.get("bad")?.trashed).toBe(true);
    expect(await fs.stat("top/bad")).toBeUndefined();
    await fs.write("top/x", { bytes: Buffer.from("x") });
    await fs.remove("top/x");
    expect(named("x")).toEqual([]);
    const full = { status: 403, reason: "storageQuotaExceeded" };
    drive.faults.push(undefined as never, full);
    await expect(fs.write("top/x", { bytes: Buffer.from("x") })).rejects.toThrow("the drive is full");
  });

  it("takes a push, gives a pull, and is a source of imports", async () => {
    const rig = new Rig().project();
    rig.ok("remote", "add", "-d", "cloud", "gdrive://top/store");
    rig.ok("remote", "modify", "cloud", "gdrive_use_service_account", "true");
    for (const name of ["one", "two"]) rig.write(`data/${name}`, name);
    rig.ok("add", "-q", "data");
    const run = async (...words: string[]): Promise<Ran> => {
      const env = { HOLDFAST_GDRIVE_ENDPOINT: drive.endpoint, GDRIVE_CREDENTIALS_DATA: drive.serviceKey };
      const ran = await rig.runBeside(words, { env });
      expect(ran.out + ran.err).not.toMatch(/PRIVATE KEY|good-token/);
      return ran;
    };
    expect((await run("push")).out).toContain("3 files pushed");
    expect((await run("push")).out).toContain("Everything is up to date");
    rmSync(rig.path(".dvc/cache"), { recursive: true });
    rmSync(rig.path("data"), { recursive: true });
    expect((await run("pull")).out).toContain("A       data/");
    expect(await run("remote", "test", "cloud", "--size", "0")).toMatchObject({ code: 0 });
    expect(await run("gc", "-w", "-c", "-f")).toMatchObject({ code: 0 });
    put({ id: "src", name: "source.txt", bytes: Buffer.from("hello") });
    expect(await run("import-url", "remote://cloud/none", "no")).not.toMatchObject({ code: 0 });
    const store = named("store")[0]?.id ?? "";
    put({ id: "in", name: "in.txt", parents: [store], bytes: Buffer.from("hello") });
    expect(await run("import-url", "remote://cloud/in.txt", "got")).toMatchObject({ code: 0, err: "" });
    expect(rig.read("got")).toBe("hello");
    expect(rig.read("got.dvc")).toContain("checksum: 5d41402abc4b2a76b9719d911017c592");
    rig.close();
  });
});
