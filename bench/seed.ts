import { createClient } from "@connectrpc/connect";
import pg from "pg";
import { UserOptionService } from "../src/gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "../src/gen/userd/v1/user_service_pb.ts";
import { toValue } from "../src/options/value.ts";
import { createGrpcJsTransport } from "../test/support/grpc-js-transport.ts";
import type { Service } from "./service.ts";

/** What the first `withAllOptions` users have set; the others have the time zone only. */
export const seededOptions = {
  timezone: "Europe/Vienna",
  language: "en",
  theme: "dark",
  clock_24_hours: true,
  stacktrace_order: "2",
} as const;

/** The users that the rows work on, those with all options first. */
export type Seed = { readonly userIds: readonly bigint[] };

/** How many users have all options. */
export const withAllOptions = 100;

const inFlight = 40;

/** Has the database count its rows, as it does by itself a minute later: plans that are made before are for tables that are empty. */
export const analyze = async (url: string): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query("analyze");
  } finally {
    await client.end();
  }
};

/** Makes users, with their options, through the API. */
export const seed = async ({ grpcAddress, databaseUrl }: Pick<Service, "grpcAddress" | "databaseUrl">, count: number): Promise<Seed> => {
  const transport = createGrpcJsTransport(grpcAddress, 30_000);
  const users = createClient(UserService, transport);
  const options = createClient(UserOptionService, transport);
  const userIds: bigint[] = [];
  let next = 0;
  const loop = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const { user } = await users.createUser({ user: { email: `bench-${index}@example.com` } });
      if (user === undefined) throw new Error("CreateUser returned no user");
      const wanted = Object.entries(seededOptions).slice(0, userIds.push(user.id) <= withAllOptions ? undefined : 1);
      for (const [key, value] of wanted) {
        await options.setOption({ userId: user.id, key, value: toValue(value) });
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: inFlight }, loop));
  } finally {
    transport.close();
  }
  await analyze(databaseUrl);
  return { userIds };
};
