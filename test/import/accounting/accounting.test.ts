import { describe, expect } from "vitest";
import { serviceWith } from "../../options/service-with.ts";
import { test } from "../fixture.ts";
import { accountFor, cases, fileText, importFile, own, samples } from "./fixture.ts";

/** Its ids are no numbers. */
const refused = ["cases/04-uuid-pk"];

describe("import accounting: in an empty service nothing is lost, and nothing changed without a line in the report", () => {
  test.for([...samples, ...cases, ...own].filter((name) => !refused.includes(name)))("%s", async (name, { own: db, ownUrl }) => {
    const imported = await importFile(db, fileText(name));
    await using service = await serviceWith(ownUrl, {});
    expect((await accountFor(imported, service, db)).losses).toEqual([]);
  });
});
