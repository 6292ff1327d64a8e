import { expect, it } from "vitest";
import { commandText, withoutSecrets } from "./secretText.ts";

it.each([
  ["clone 'https://me:word@host/x' to 'https://host:80/y@z'", "clone 'https://me:***@host/x' to 'https://host:80/y@z'"],
  ["https://ghp_token@github.com/x", "https://***@github.com/x"],
  ["ssh://git@host/x and s3://me@b", "ssh://git@host/x and s3://me@b"],
  [
    "https://a.blob.core.windows.net/c/x?sv=2020&sig=abc%2B&se=1",
    "https://a.blob.core.windows.net/c/x?sv=2020&sig=***&se=1",
  ],
  ["'/b/k?X-Amz-Credential=AK/2&X-Amz-Signature=ff'", "'/b/k?X-Amz-Credential=***&X-Amz-Signature=***'"],
  ["http://h:1/webhdfs/v1/x?op=OPEN&delegation=abc", "http://h:1/webhdfs/v1/x?op=OPEN&delegation=***"],
  ["?response_type=code&state=a&code_challenge=b", "?response_type=code&state=a&code_challenge=b"],
  [
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Zm9v==;x",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=***;x",
  ],
  ["sent Authorization: Bearer abcdefgh.ijk=", "sent Authorization: Bearer ***"],
  ["a?b=c", "a?b=c"],
])("%s", (text, shown) => {
  expect(withoutSecrets(text)).toBe(shown);
});

it("a command line is written down without secrets", () => {
  const told = (text: string): string => commandText(text.split(" "));
  expect(told("dvc remote modify --local r password hunter2")).toBe("dvc remote modify --local r password ***");
  expect(told("dvc config remote.r.secret_access_key hunter2")).toBe("dvc config remote.r.secret_access_key ***");
  expect(told("dvc get-url s3://b --fs-config session_token=x=y")).toBe(
    "dvc get-url s3://b --fs-config session_token=***",
  );
  expect(told("dvc import --remote-config=password=x https://a:b@h/r token")).toBe(
    "dvc import --remote-config=password=*** https://a:***@h/r token",
  );
  expect(told("dvc add a=b token -v")).toBe("dvc add a=b token -v");
});
