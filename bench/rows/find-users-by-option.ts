import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import pg from "pg";
import {
  FindUsersByOptionRequestSchema,
  FindUsersByOptionResponseSchema,
  UserOptionService,
} from "../../src/gen/users/v1/user_option_service_pb.ts";
import { toValue } from "../../src/options/value.ts";
import type { Row } from "../bench.ts";
import { frame } from "../load/load.ts";
import { rawCall } from "../raw-call.ts";
import { indexedKey } from "../service.ts";
import { userdSide } from "./read.ts";

const shape = { connections: 4, streams: 1 };

const users = 1_000_000;
const pageSize = 1_000;
const lastPage = 1_000;

const method = UserOptionService.method.findUsersByOption;
const path = `/${method.parent.typeName}/${method.name}`;

/** A million users that all have the option, without triggers: their change log is of no interest here. */
const store = async (url: string): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  await client.query("set session_replication_role = replica");
  await client.query(`insert into users (id, username, username_handle, email)
    select 100000000 + n, 'million-' || n, 'million-' || n, '' from generate_series(1, ${users}) n`);
  await client.query(`insert into user_option (user_id, scope_kind, scope_id, key, value)
    select 100000000 + n, 0, 0, '${indexedKey}', '"gold"' from generate_series(1, ${users}) n`);
  await client.query("vacuum analyze user_option");
  await client.end();
};

const request = (pageToken: string): Uint8Array =>
  toBinary(
    FindUsersByOptionRequestSchema,
    create(FindUsersByOptionRequestSchema, { key: indexedKey, equals: toValue("gold"), pageSize, pageToken }),
  );

/** Page 1,000 of FindUsersByOption over a million users, against page 1: they should cost the same. */
export const findUsersByOption: Row = {
  name: "find_users_by_option",
  yardstick: "page 1 of the same (userd too)",
  valuesPerCall: pageSize,
  prepare: async (bench) => {
    const { service, load } = bench;
    await store(service.databaseUrl);
    let pageToken = "";
    for (let page = 1; page < lastPage; page += 1) {
      const response = fromBinary(FindUsersByOptionResponseSchema, await rawCall(service.grpcAddress, path, request(pageToken)));
      assert.equal(response.userIds.length, pageSize);
      pageToken = response.nextPageToken;
    }
    const target = { address: service.grpcAddress, path, ...shape };
    const side = (bytes: Uint8Array) =>
      userdSide(bench, (options) => load.run({ ...target, bodies: [{ bytes: frame(bytes) }] }, options), path);
    return {
      userd: side(request(pageToken)),
      yardstick: side(request("")),
      load: `${shape.connections} calls in flight by ${load.name}`,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};
