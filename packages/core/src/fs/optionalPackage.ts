import { ConfigError } from "../base/errors.ts";

/**
 * Loads a package that only some remotes need. `load` holds the literal `import(...)`, so that bundlers and types see it.
 * @throws {ConfigError} that says what to install when it is missing.
 */
export async function importPackage<T>(name: string, purpose: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw cause;
    throw new ConfigError(`the package '${name}' is needed for ${purpose} and is not installed`, {
      cause,
      hint: `Install it beside holdfast: npm install ${name}`,
    });
  }
}
