/** Tests run the built code, as users do; dist is loaded by Node itself so that its workers and .wasm files are found. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    server: { deps: { external: [/\/dist\//] } },
    testTimeout: 20_000,
    maxWorkers: 2,
  },
});
