import { isMounted } from "../../../src/contract/kinds/kind.ts";
import { casesOfKinds } from "../standard.cases.ts";
import { wordAndNumbers } from "./odd-names.ts";
import { kindsOf, testWith, ticketSetting } from "./service.ts";

const setting = ticketSetting(wordAndNumbers);

casesOfKinds(testWith(setting), "grpc-js", kindsOf(setting).kinds.filter(isMounted));
