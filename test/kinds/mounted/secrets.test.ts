import { casesOfKinds } from "../standard.cases.ts";
import { withKeys } from "./keys.ts";
import { kindsOf, testWith, ticketSetting } from "./service.ts";

const setting = ticketSetting([withKeys]);
const keys = kindsOf(setting).kinds.filter(({ name }) => name === "ticket_key");

for (const clientKind of ["grpc-js", "Connect JSON"] as const) casesOfKinds(testWith(setting), clientKind, keys);
