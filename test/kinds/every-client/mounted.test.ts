import { isMounted } from "../../../src/contract/kinds/kind.ts";
import { word, wordAndNumbers } from "../mounted/odd-names.ts";
import { kindsOf, testWith, ticketSetting } from "../mounted/service.ts";
import { casesOfKinds } from "../standard.cases.ts";

for (const [clientKind, names] of [
  ["gRPC-Web", wordAndNumbers],
  ["Connect JSON", word],
] as const) {
  const setting = ticketSetting(names);
  casesOfKinds(testWith(setting), clientKind, kindsOf(setting).kinds.filter(isMounted));
}
