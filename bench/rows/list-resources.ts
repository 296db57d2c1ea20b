import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ProfileService } from "../../src/gen/userd/v1/profile_service_pb.ts";
import { ListResourcesRequestSchema, ListResourcesResponseSchema } from "../../src/gen/userd/v1/resource_pb.ts";
import type { Row } from "../bench.ts";
import { askers, firstAccount, kind, loadResources } from "../generator/resources.ts";
import { frame } from "../load/load.ts";
import { rawCall } from "../raw-call.ts";
import { prepareRead, userdSide } from "./read.ts";

const shape = { connections: 4, streams: 5 };
const pageSize = 50;
const pages = firstAccount.resources / pageSize;

const method = ProfileService.method.listResources;
const path = `/${method.parent.typeName}/${method.name}`;

const request = (pageToken: string): Uint8Array =>
  toBinary(ListResourcesRequestSchema, create(ListResourcesRequestSchema, { kind, userId: BigInt(askers.staff), pageSize, pageToken }));

const loaded = new Map<string, Promise<void>>();
const loadOnce = (url: string): Promise<void> => {
  const loading = loaded.get(url) ?? loadResources(url);
  loaded.set(url, loading);
  return loading;
};

/** The last page of ListResources, of a user who may read 10,000 of a million, against page 1: they should cost the same. */
export const listResources: Row = {
  name: "list_resources",
  yardstick: "page 1 of the same (userd too)",
  valuesPerCall: pageSize,
  prepare: async (bench) => {
    const { service, load } = bench;
    await loadOnce(service.databaseUrl);
    let pageToken = "";
    for (let page = 1; page <= pages; page += 1) {
      const response = fromBinary(ListResourcesResponseSchema, await rawCall(service.grpcAddress, path, request(pageToken)));
      assert.equal(response.resources.length, pageSize);
      assert.equal(response.nextPageToken === "", page === pages);
      if (page < pages) pageToken = response.nextPageToken;
    }
    const target = { address: service.grpcAddress, path, ...shape };
    const side = (bytes: Uint8Array) =>
      userdSide(service, (options) => load.run({ ...target, bodies: [{ bytes: frame(bytes) }] }, options), path);
    return {
      userd: side(request(pageToken)),
      yardstick: side(request("")),
      load: `${shape.connections} × ${shape.streams} calls in flight by ${load.name}`,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};

/** A page of 1,000 of the same, beside a bare server: what reading and encoding rows costs. */
export const listResources1000: Row = {
  name: "list_resources_1000",
  yardstick: "bare grpc-js, same bytes",
  valuesPerCall: 1_000,
  prepare: async (bench) => {
    await loadOnce(bench.service.databaseUrl);
    return prepareRead(
      bench,
      {
        method,
        shape: { connections: 4, streams: 2 },
        requests: [{ kind, userId: BigInt(askers.staff), pageSize: 1_000 }],
        check: ({ resources }) => assert.equal(resources.length, 1_000),
      },
      { uncached: true },
    );
  },
};
