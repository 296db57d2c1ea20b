import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import pLimit from "p-limit";
import { expect, vi } from "vitest";
import { RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { ChangeService } from "../../src/gen/userd/v1/change_service_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { createUser, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { type Watch, watch } from "./watch-fixture.ts";

const WATCHERS = 1_000;
/** The streams of a connection, fewer than it takes. */
const STREAMS = 80;

test("of 2,000 watchers 1,000 are taken and told of a change, and the others are told when to come again", { timeout: 120_000 }, async ({
  service,
  clients: { "grpc-js": own },
}) => {
  const user = await createUser(own);
  const request = { filter: { userIds: [user.id] } };
  const baseUrl = `http://${formatAddress(service.grpcAddress)}`;
  const clients = Array.from({ length: (2 * WATCHERS) / STREAMS }, () => ({
    changes: createClient(ChangeService, createGrpcTransport({ baseUrl })),
  }));
  const taken: Watch[] = [];
  let refused = 0;
  // Not all at the same moment: this is about watchers, and not about calls.
  const slot = pLimit(50);
  const open = async (changes: (typeof clients)[number]) => {
    const stream = watch(changes, request);
    const first = await stream.message().catch((error: unknown) => ({ error }));
    if (!("error" in first)) return taken.push(stream);
    const { error } = await expectRefusal(Promise.reject(first.error), "ResourceExhausted", "WATCHERS_EXHAUSTED");
    expect(error.findDetails(RetryInfoSchema)).toHaveLength(1);
    refused += 1;
  };
  try {
    await Promise.all(clients.flatMap((client) => Array.from({ length: STREAMS }, () => slot(() => open(client)))));
    expect({ taken: taken.length, refused }).toEqual({ taken: WATCHERS, refused: WATCHERS });
    await own.options.setOption({ userId: user.id, key: "theme", value: value("dark") });
    const told = await Promise.all(taken.map((stream) => stream.changes(1)));
    expect(told.every(([change]) => change?.key === "0/0/theme")).toBe(true);
    await taken.pop()?.[Symbol.asyncDispose]();
    await vi.waitFor(async () => {
      await using next = watch(own, request);
      await next.message();
    });
  } finally {
    await Promise.all(taken.map((stream) => stream[Symbol.asyncDispose]()));
  }
});
