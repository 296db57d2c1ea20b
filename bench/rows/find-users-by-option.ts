import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  FindUsersByOptionRequestSchema,
  FindUsersByOptionResponseSchema,
  UserOptionService,
} from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { toValue } from "../../src/options/value.ts";
import type { Row } from "../bench.ts";
import { frame } from "../load/load.ts";
import { rawCall } from "../raw-call.ts";
import { indexedKey } from "../service.ts";
import { millionValue, storeMillion } from "../store-million.ts";
import { userdSide } from "./read.ts";

const shape = { connections: 4, streams: 1 };

const pageSize = 1_000;
const lastPage = 1_000;

const method = UserOptionService.method.findUsersByOption;
const path = `/${method.parent.typeName}/${method.name}`;

const request = (pageToken: string): Uint8Array =>
  toBinary(
    FindUsersByOptionRequestSchema,
    create(FindUsersByOptionRequestSchema, { key: indexedKey, equals: toValue(millionValue), pageSize, pageToken }),
  );

/** Page 1,000 of FindUsersByOption over a million users, against page 1: they should cost the same. */
export const findUsersByOption: Row = {
  name: "find_users_by_option",
  yardstick: "page 1 of the same (userd too)",
  valuesPerCall: pageSize,
  prepare: async (bench) => {
    const { service, load } = bench;
    await storeMillion(service.databaseUrl);
    let pageToken = "";
    for (let page = 1; page < lastPage; page += 1) {
      const response = fromBinary(FindUsersByOptionResponseSchema, await rawCall(service.grpcAddress, path, request(pageToken)));
      assert.equal(response.userIds.length, pageSize);
      pageToken = response.nextPageToken;
    }
    const target = { address: service.grpcAddress, path, ...shape };
    const side = (bytes: Uint8Array) =>
      userdSide(service, (options) => load.run({ ...target, bodies: [{ bytes: frame(bytes) }] }, options), path);
    return {
      userd: side(request(pageToken)),
      yardstick: side(request("")),
      load: `${shape.connections} calls in flight by ${load.name}`,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};
