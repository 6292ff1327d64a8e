import { describe, expect, it } from "vitest";
import { parseMultistatus } from "./multistatus.ts";

const BASE = new URL("http://host");
const answer = (responses: string): string => `<multistatus xmlns="DAV:">${responses}</multistatus>`;
const part = (prop: string, status: string): string =>
  `<propstat><prop>${prop}</prop><status>HTTP/1.1 ${status}</status></propstat>`;

describe("parseMultistatus", () => {
  it("reads files and folders, whatever prefix the server uses", () => {
    const xml = `<?xml version="1.0"?><X:multistatus xmlns:X="DAV:" xmlns:z="urn:z"><X:response><X:href>/a%20b/</X:href><X:propstat><X:prop><X:resourcetype><X:collection/></X:resourcetype><z:getetag>"no"</z:getetag></X:prop><X:status>HTTP/1.1 200 OK</X:status></X:propstat></X:response><X:response><X:href>http://other/a%20b/c</X:href><X:propstat><X:prop><X:getcontentlength>12</X:getcontentlength><X:getetag>"e"</X:getetag><X:getlastmodified>Thu, 01 Jan 1970 00:00:01 GMT</X:getlastmodified></X:prop><X:status>HTTP/1.1 200 OK</X:status></X:propstat></X:response></X:multistatus>`;
    expect(parseMultistatus(xml, BASE)).toEqual([
      { path: "/a b", isFolder: true },
      { path: "/a b/c", isFolder: false, size: 12, etag: '"e"', mtimeMs: 1000 },
    ]);
  });

  it("leaves out properties and resources that the server did not find, and only those", () => {
    const xml = answer(
      `<response><href>/one</href>${part("", "404 Not Found")}${part("<getcontentlength>1</getcontentlength>", "200 OK")}${part("<getetag>x</getetag>", "403 Forbidden")}</response>` +
        `<response><href>/two</href><status>HTTP/1.1 404 Not Found</status></response>`,
    );
    expect(parseMultistatus(xml, BASE)).toEqual([{ path: "/one", isFolder: false, size: 1 }]);
  });

  it("refuses what ends early", () => {
    expect(() => parseMultistatus(answer("<response>").slice(0, -3), BASE)).toThrow();
  });
});
