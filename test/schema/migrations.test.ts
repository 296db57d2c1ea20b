import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { migrations } from "../../src/schema/migrations/index.ts";

const folder = fileURLToPath(new URL("../../src/schema/migrations", import.meta.url));

/** A migration that calls living code does something else each time that code changes. */
test("migrations are plain SQL: they import nothing of the code around them", () => {
  const files = globSync("**/*.ts", { cwd: folder });
  const foreign = files.flatMap((file) =>
    [...readFileSync(join(folder, file), "utf8").matchAll(/\bfrom "([^"]+)"|\bimport\(/g)]
      .filter(([, specifier = ""]) => specifier !== "@mikro-orm/migrations" && !/^\.\/[\w/-]+\.ts$/.test(specifier))
      .map(([text]) => `${file}: ${text}`),
  );
  expect(files.length).toBeGreaterThan(migrations.length);
  expect(foreign).toEqual([]);
});

test("a migration has one name, by which its file and its class are known, and they are in order", () => {
  const names = migrations.map(({ name }) => name);
  expect(names).toEqual([...names].sort());
  const files = globSync("*-*.ts", { cwd: folder }).map((file) => file.replace(/\.ts$/, ""));
  expect(names, "list the migration in src/schema/migrations/index.ts").toEqual(files.sort());
  for (const { name } of migrations) expect(readFileSync(join(folder, `${name}.ts`), "utf8")).toContain(`override name = "${name}";`);
});
