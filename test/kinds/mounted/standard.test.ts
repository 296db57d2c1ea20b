import { isMounted } from "../../../src/contract/kinds/kind.ts";
import { casesOfKinds } from "../standard.cases.ts";
import { KINDS, kindsOf, test } from "./service.ts";

const mounted = kindsOf(KINDS).kinds.filter(isMounted);

for (const clientKind of ["grpc-js", "Connect JSON", "gRPC-Web"] as const) casesOfKinds(test, clientKind, mounted);
