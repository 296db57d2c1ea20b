import { expect } from "vitest";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

for (const clientKind of clientKinds) {
  test(`the rules of the contract hold for filters inside filters, through ${clientKind}`, async ({ clients }) => {
    const { profiles } = clients[clientKind];
    const term = (condition: object) => ({ node: { case: "term", value: { condition } } }) as never;
    const nul = term({ case: "accountName", value: { match: { case: "equals", value: "a\0b" } } });
    const empty = term({ case: "tag", value: "" });
    const any = (...filters: object[]) => ({ node: { case: "anyOf", value: { filters } } }) as never;

    const first = await expectRefusal(profiles.listProfiles({ filter: any(nul) }), "InvalidArgument", "FIELD_INVALID");
    expect(first.fields).toEqual(["filter.any_of.filters[0].term.account_name.equals"]);
    const deep = await expectRefusal(profiles.listProfiles({ filter: any(any(), any(any(empty))) }), "InvalidArgument", "FIELD_INVALID");
    expect(deep.fields).toEqual(["filter.any_of.filters[1].any_of.filters[0].any_of.filters[0].term.tag"]);
    await profiles.listProfiles({ filter: any(any(), any(term({ case: "tag", value: "red" }))) });
  });
}
