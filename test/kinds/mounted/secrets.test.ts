import { casesOfKinds } from "../standard.cases.ts";
import { withKeys } from "./keys.ts";
import { kindsOf, testWith, ticketSetting } from "./service.ts";

// A mask in JSON can't name password_2: nothing tells it from password2 there.
for (const [clientKind, name] of [
  ["grpc-js", "password_2"],
  ["Connect JSON", "password"],
] as const) {
  const setting = ticketSetting([withKeys, ["optional string password = 4", `optional string ${name} = 4`]]);
  const keys = kindsOf(setting).kinds.filter((kind) => kind.name === "ticket_key");
  casesOfKinds(testWith(setting), clientKind, keys);
}
