import { enableCompileCache, getCompileCacheDir } from 'node:module'
import { defineConfig } from 'vitest/config'

// Tests open stores and logs, whose threads import TypeScript. With the compile cache, a thread does not load Node's type
// stripper. The stripper takes a while to load, and it is WebAssembly, with which a thread that ends can crash Node
// 24.21.0 ("Check failed: end > addr" in UnregisterWasmAllocation).
enableCompileCache()
const compileCache = getCompileCacheDir()
if (compileCache !== undefined) process.env['NODE_COMPILE_CACHE'] ??= compileCache

// One project for each kind of test, so that `vitest run --project unit` finishes quickly.
export default defineConfig({
  test: {
    projects: [
      // None of these tests takes long by itself, but any of them can be slow on a busy machine.
      { test: { name: 'unit', include: ['tests/unit/**/*.test.ts'], testTimeout: 30_000, hookTimeout: 30_000 } },
      {
        // The hooks start a broker if Java is installed. Babelfish takes several seconds for the first statements on a
        // connection.
        test: {
          name: 'contract',
          include: ['tests/contract/**/*.test.ts'],
          testTimeout: process.env['TEST_SQL_CONNECTION_STRING'] === undefined ? 60_000 : 600_000,
          hookTimeout: process.env['TEST_SQL_CONNECTION_STRING'] === undefined ? 120_000 : 600_000,
        },
      },
      {
        // These tests start real processes and kill them. They run one file at a time, so that they do not starve one
        // another.
        test: {
          name: 'integration',
          include: ['tests/integration/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
