import { kinds } from "../../../src/schema/entities.ts";
import { test } from "../../support/service.ts";
import { casesOfKinds } from "../standard.cases.ts";

casesOfKinds(test, "Connect gRPC", kinds);
