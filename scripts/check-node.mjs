// Says in plain words what is missing before npm fails in its own.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node ${process.versions.node} is too old: Holdfast needs Node 20.19 or newer (https://nodejs.org).`);
  process.exit(1);
}
