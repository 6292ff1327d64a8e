import { maskSecrets } from "../repo/secrets.ts";
import type { Repo } from "../repo/repo.ts";
import { distrustProject, isTrustedProject, namedByProject, trustProject } from "../repo/trust.ts";
import type { TrustSetting } from "../repo/trustFile.ts";

/** Whether a project is trusted, and what its own config names that only counts when it is. */
export interface TrustState {
  readonly root: string;
  readonly trusted: boolean;
  /** Values as they may be printed. */
  readonly settings: readonly TrustSetting[];
}

/** What the project names, and whether it is trusted. @example trustState(repo).trusted */
export function trustState(repo: Repo): TrustState {
  const settings = namedByProject(repo).map((one) => ({ ...one, value: maskSecrets(one.key, one.value) }));
  return { root: repo.root, trusted: isTrustedProject(repo), settings };
}

/** Trusts the project, with the config that it has now, until that changes; or no longer. */
export function setTrust(repo: Repo, isTrusted: boolean): TrustState {
  if (isTrusted) trustProject(repo);
  else distrustProject(repo);
  return trustState(repo);
}
