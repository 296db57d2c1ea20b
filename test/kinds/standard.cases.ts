import { describe } from "vitest";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import type { ClientKind } from "../support/clients.ts";
import type { ServiceTest } from "../support/service.ts";
import { appendingCases } from "./appending.cases.ts";
import { expandingCases } from "./expanding.cases.ts";
import { filteringCases } from "./filtering.cases.ts";
import { lifecycleCases } from "./lifecycle.cases.ts";
import { isOwned } from "./maker.ts";
import { maskingCases } from "./masking.cases.ts";
import { recordCases } from "./record.cases.ts";
import { secretCases } from "./secret.cases.ts";
import { seeingCases } from "./seeing.cases.ts";
import { transferringCases } from "./transferring.cases.ts";
import { writingCases } from "./writing.cases.ts";

/** What every kind does, from its descriptor alone. */
export const standardCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
  maskingCases(test, clientKind, kind);
  expandingCases(test, clientKind, kind);
  seeingCases(test, clientKind, kind);
  if (kind.isLarge) {
    appendingCases(test, clientKind, kind);
    recordCases(test, clientKind, kind);
    return;
  }
  writingCases(test, clientKind, kind);
  lifecycleCases(test, clientKind, kind);
  filteringCases(test, clientKind, kind);
  if (isOwned(kind)) transferringCases(test, clientKind, kind);
  if (kind.secrets.length > 0) secretCases(test, clientKind, kind);
};

/** The cases of every kind; one after the other where the database has one connection. */
export const casesOfKinds = (test: ServiceTest, clientKind: ClientKind, kinds: readonly Kind[], concurrent = true): void => {
  for (const kind of kinds) describe(`${kind.label}, through ${clientKind}`, { concurrent }, () => standardCases(test, clientKind, kind));
};
