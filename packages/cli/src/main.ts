import { main, programNameOf } from "./program.ts";

void main(process.argv.slice(2), programNameOf(process.argv[1] ?? "")).then((code) => {
  // Open sockets and workers must not keep a finished command alive; everything was written synchronously.
  process.exit(code);
});
