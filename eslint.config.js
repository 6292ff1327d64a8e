// Type-checked lint for what ships and what tests it; plain recommended rules for scripts.
import tseslint from "typescript-eslint";

const nodeGlobals = Object.fromEntries(
  [
    "process",
    "console",
    "Buffer",
    "URL",
    "setTimeout",
    "setInterval",
    "clearInterval",
    "clearTimeout",
    "setImmediate",
    "performance",
    "fetch",
    "TextDecoder",
    "TextEncoder",
    "WebAssembly",
    "AbortController",
    "AbortSignal",
  ].map((name) => [name, "readonly"]),
);

export default tseslint.config(
  {
    ignores: [
      "**/dist/",
      "**/node_modules/",
      "packages/cli/bin/",
      "packages/cli/exemplar/",
      "coverage/",
      "demo/",
      "bench/results/",
      "tests/fixtures/",
      "**/*.wasm.ts",
      // AssemblyScript looks like TypeScript and is not: its own compiler checks it.
      "**/assembly/**",
      "**/*.as.ts",
    ],
  },
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ["packages/*/tsconfig.json", "tsconfig.tests.json"],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // A switch over one of our unions must name every member, so that a new one is noticed everywhere.
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/only-throw-error": "error",
      // Numbers in a text are ordinary; objects are not.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      // `void x()` marks a promise that is meant to float; an arrow that only forwards a call reads well without braces.
      "@typescript-eslint/no-confusing-void-expression": "off",
      // Bounds are checked by the loop around them on hot paths; `noUncheckedIndexedAccess` still asks everywhere else.
      "@typescript-eslint/no-non-null-assertion": "off",
      // Data that comes from files is typed at the border and checked all the same: a guard that the types call needless is meant.
      "@typescript-eslint/no-unnecessary-condition": "off",
      // Type parameters that only name a return type are how our parsers say what they promise.
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      // Interface implementations may be async because the contract is, without an `await` of their own.
      "@typescript-eslint/require-await": "off",
      // Removing a key of a plain record read from a file is ordinary work on formats.
      "@typescript-eslint/no-dynamic-delete": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    },
  },
  {
    // What a library must not do: talk to a terminal, read its caller's environment, or end the process.
    files: ["packages/core/src/**/*.ts"],
    ignores: ["**/*.test.ts", "**/*.contract.ts"],
    rules: {
      "no-console": "error",
      // scripts/packChunks.mjs hands out what a file exports once, when the file has run.
      "no-restricted-syntax": [
        "error",
        {
          selector: "ExportNamedDeclaration > VariableDeclaration[kind!='const']",
          message: "Export a constant or a function.",
        },
      ],
    },
  },
  {
    files: ["**/*.test.ts", "**/*.contract.ts", "tests/**/*.ts"],
    rules: {
      // Tests hand in broken input on purpose.
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/unbound-method": "off",
    },
  },
  {
    files: ["**/*.{js,mjs}"],
    languageOptions: { globals: nodeGlobals },
    rules: {
      "no-undef": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-var": "error",
      "prefer-const": "error",
      eqeqeq: ["error", "always"],
    },
  },
);
