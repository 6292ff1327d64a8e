/** Permission bits that the system gives a new file: 0666 less the umask. For the main thread: a worker cannot ask. */
export function newFileMode(): number {
  // There is no other way to learn the umask than to set it for a moment; nothing else runs in this thread meanwhile.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  return 0o666 & ~process.umask();
}
