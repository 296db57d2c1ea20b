import { kinds } from "../../src/schema/entities.ts";
import { test } from "../support/service.ts";
import { isOwned } from "./maker.ts";
import { casesOfKinds } from "./standard.cases.ts";

casesOfKinds(test, "grpc-js", kinds.filter(isOwned));
