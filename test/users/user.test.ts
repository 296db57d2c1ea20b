import { describe } from "vitest";
import { clientKinds, test } from "../support/service.ts";
import { userCases } from "./user.cases.ts";

describe.for(clientKinds)("users, through %s", { concurrent: true }, (kind) => userCases(test, kind));
