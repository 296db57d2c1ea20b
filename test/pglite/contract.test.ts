import { describe } from "vitest";
import { kinds } from "../../src/schema/entities.ts";
import { casesOfKinds } from "../kinds/standard.cases.ts";
import { oneScopeCases } from "../options/one-scope.cases.ts";
import { organizationCases } from "../organizations/organization.cases.ts";
import { test } from "../support/pglite.ts";
import { userCases } from "../users/user.cases.ts";

describe("on PGlite, options of one scope", () => oneScopeCases(test, "grpc-js"));
describe("on PGlite, organizations", () => organizationCases(test, "grpc-js"));
describe("on PGlite, kinds", () => casesOfKinds(test, "grpc-js", kinds, false));
describe("on PGlite, users", () => userCases(test, "grpc-js"));
