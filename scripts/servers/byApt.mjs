// A server for the tests that is one program of the system: found, or from Debian's packages as root.
import { firstThere, installByApt } from "./places.mjs";

/**
 * Makes sure that a program is there. `what`: the server for a person; `scheme`: the URLs whose tests need it.
 * @returns whether it is
 */
export function setUpByApt({ what, scheme, program, packageName, places }) {
  if (firstThere(places) === undefined) installByApt(packageName);
  const found = firstThere(places);
  if (found !== undefined) console.log(`${what} for the tests: ${found}`);
  else
    console.error(
      `The tests of ${scheme} need ${program}: install it (Debian: apt-get install ${packageName}) and run this again.`,
    );
  return found !== undefined;
}
