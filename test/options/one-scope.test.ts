import { describe } from "vitest";
import { clientKinds, test } from "../support/service.ts";
import { oneScopeCases } from "./one-scope.cases.ts";

describe.for(clientKinds)("options of one scope, through %s", { concurrent: true }, (kind) => oneScopeCases(test, kind));
