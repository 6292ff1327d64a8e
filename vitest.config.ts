import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "tests/**/*.test.ts", "examples/**/*.test.ts"],
    // HDFS is large and slow to start: `make test-hdfs`.
    exclude: ["**/node_modules/**", ...(process.env["HOLDFAST_HDFS"] === undefined ? ["tests/hdfs/**"] : [])],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
