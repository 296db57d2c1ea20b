import { describe, expect } from "vitest";
import { serviceWith } from "../../options/service-with.ts";
import { test } from "../fixture.ts";
import { accountFor, cases, fileText, importFile, own, refused, samples, stored } from "./fixture.ts";

describe("import accounting: in an empty service nothing is lost, and nothing changed without a line in the report", () => {
  test.for([...samples, ...cases, ...own].filter((name) => !refused.includes(name)))("%s", async (name, { own: db, ownUrl }) => {
    const imported = await importFile(db, fileText(name));
    await using service = await serviceWith(ownUrl, {});
    expect((await accountFor(imported, service, db)).losses, stored).toEqual([]);
  });

  test.for(refused)("%s is refused, with the record, and with new ids nothing is lost", async (name, { own: db, ownUrl }) => {
    await expect(importFile(db, fileText(name))).rejects.toThrow(/^Record 1 \(auth\.user /);
    const imported = await importFile(db, fileText(name), { ids: "new" });
    await using service = await serviceWith(ownUrl, {});
    expect((await accountFor(imported, service, db)).losses, stored).toEqual([]);
  });

  test("a password of a file signs its user in", async ({ own: db, ownUrl }) => {
    await importFile(db, fileText("accounting/files/all-of-django"));
    await using service = await serviceWith(ownUrl, {});
    const verify = (password: string) => service.users.verifyPassword({ user: { case: "userId", value: 1n }, password });
    expect(await verify("dora's password")).toMatchObject({ valid: true });
    expect(await verify("another one")).toMatchObject({ valid: false });
  });
});
