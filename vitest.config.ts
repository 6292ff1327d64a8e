import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "tests/**/*.test.ts", "examples/**/*.test.ts"],
    // HDFS is large and slow to start: `make test-hdfs`.
    // What needs real DVC: `npm run conformance`.
    exclude: [
      "**/node_modules/**",
      ...(process.env["HOLDFAST_HDFS"] === undefined ? ["tests/hdfs/**"] : []),
      ...(process.env["HOLDFAST_LIVE_DVC"] === undefined ? ["tests/live/**"] : []),
    ],
    setupFiles: ["tests/support/temporaryFolder.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
