/** A host of a URL as sockets want it: an IPv6 address without its brackets. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}
