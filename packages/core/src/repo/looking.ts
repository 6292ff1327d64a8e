/** How many pieces of work only look at a project at this moment. */
const lookers = new WeakMap<object, number>();

/** Whether what is being done with the project only looks: then nothing of it is moved, not even what is damaged. */
export function isLooking(repo: object): boolean {
  return (lookers.get(repo) ?? 0) > 0;
}

/** Says that this opened project is only looked at, to its end. */
export function lookOnly(repo: object): void {
  lookers.set(repo, Number.POSITIVE_INFINITY);
}

/** Runs `work`, which only looks in a dry run. */
export async function lookingWhenDry<T>(
  repo: object,
  dry: boolean | undefined,
  work: () => T | Promise<T>,
): Promise<T> {
  return dry === true ? looking(repo, work) : work();
}

/** Runs `work`, which only looks. */
export async function looking<T>(repo: object, work: () => T | Promise<T>): Promise<T> {
  lookers.set(repo, (lookers.get(repo) ?? 0) + 1);
  try {
    return await work();
  } finally {
    lookers.set(repo, (lookers.get(repo) ?? 1) - 1);
  }
}
