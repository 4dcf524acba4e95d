import { defineConfig } from "vitest/config";

const project = (name: string, testTimeout: number, serial: boolean) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout,
    hookTimeout: 180_000,
    fileParallelism: !serial,
    // Real engines on a busy machine: a test that fails twice more is broken, one that does not was disturbed.
    retry: serial ? 2 : 1,
  },
});

export default defineConfig({
  test: {
    projects: [
      project("unit", 20_000, false),
      project("keeper", 60_000, false),
      project("engine", 120_000, true),
      project("security", 120_000, true),
      project("e2e", 180_000, true),
    ],
  },
});
