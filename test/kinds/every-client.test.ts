import { kinds } from "../../src/schema/entities.ts";
import { http2Kinds } from "../support/clients.ts";
import { clientKinds, test } from "../support/service.ts";
import { casesOfKinds } from "./standard.cases.ts";

for (const clientKind of [...clientKinds.slice(1), ...http2Kinds]) casesOfKinds(test, clientKind, kinds);
