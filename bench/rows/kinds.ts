import assert from "node:assert/strict";
import { create, type DescMethodUnary, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { isRead } from "../../src/contract/reads.ts";
import { ReleaseService } from "../../src/gen/userd/kinds/v1/release_service_pb.ts";
import { OrganizationService } from "../../src/gen/userd/v1/organization_service_pb.ts";
import { createGrpcJsTransport } from "../../test/support/grpc-js-transport.ts";
import type { Bench, Prepared, Row } from "../bench.ts";
import { rawCall } from "../raw-call.ts";
import { watched } from "../rounds.ts";
import { analyze } from "../seed.ts";
import type { Userd } from "../service.ts";
import { filter } from "../yardsticks/by-hand/operations.ts";
import { stampedBody, stampedDigits, writersInFlight, writeShape } from "./write.ts";

const releases = 200;
const pageSize = 50;

/** A release to create: half of its fields have a value. */
const releaseOf = (organizationId: bigint, version: string, projectIds: readonly bigint[]) => ({
  organizationId,
  version,
  projectIds: [...projectIds],
  ref: "9f2c1e7",
  url: "https://example.com/releases/1",
  commitCount: 12n,
});

type Filled = { readonly organizationIds: readonly bigint[]; readonly projectIds: readonly bigint[]; readonly ids: readonly bigint[] };

/** Makes an organization for each write in flight, so that none waits for another one's lock, and the releases of the first of them. */
const fill = async ({ grpcAddress }: Userd, ownerUserId: bigint): Promise<Filled> => {
  const transport = createGrpcJsTransport(grpcAddress, 30_000);
  try {
    const [organizations, client] = [createClient(OrganizationService, transport), createClient(ReleaseService, transport)];
    const organizationIds: bigint[] = [];
    for (let index = 0; index < writersInFlight; index += 1) {
      const { organization } = await organizations.createOrganization({ organization: { name: `Kinds ${index}` }, ownerUserId });
      organizationIds.push(organization?.id ?? 0n);
    }
    const [organizationId = 0n] = organizationIds;
    const projectIds: bigint[] = [];
    for (const name of ["Web", "App"])
      projectIds.push((await organizations.createProject({ project: { organizationId, name } })).project?.id ?? 0n);
    const ids: bigint[] = [];
    for (let index = 0; index < releases; index += 1) {
      const { release } = await client.createRelease({ release: releaseOf(organizationId, `web@${index}`, projectIds) });
      ids.push(release?.id ?? 0n);
    }
    return { organizationIds, projectIds, ids };
  } finally {
    transport.close();
  }
};

type Rpc<M extends DescMethodUnary> = {
  readonly method: M;
  readonly requests: (filled: Filled) => readonly MessageInitShape<M["input"]>[];
  /** What each call ends with; default: OK. */
  readonly status?: string;
};

const prepare = async <M extends DescMethodUnary>(
  { service, seed, pins, varying }: Bench,
  { method, requests, status = "0" }: Rpc<M>,
): Promise<Prepared> => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await service.startAnother({ cpus: pins.server, script: "bench/yardsticks/by-hand/server.ts" }));
  const filled = await fill(server, seed.userIds[0] ?? 0n);
  await analyze(service.databaseUrl);
  const messages = requests(filled).map((request) => toBinary<M["input"]>(method.input, create<M["input"]>(method.input, request)));
  const paths = [ReleaseService.typeName, "bench.ReleasesByHand"].map((name) => `/${name}/${method.name}`);
  if (isRead(method) && status === "0") {
    const [answer, byHand] = await Promise.all(
      paths.map(async (path) => {
        const message = fromBinary<M["output"]>(method.output, await rawCall(server.grpcAddress, path, messages[0] ?? new Uint8Array()));
        // Sealed with a nonce, no two tokens of a page are the same.
        return { ...message, nextPageToken: "" };
      }),
    );
    assert.deepEqual(byHand, answer, "the RPC by hand answers something else");
  }
  const bodies = messages.map(stampedBody);
  const [userd, yardstick] = paths.map((path) =>
    watched(server.pid, (options) => varying.run({ address: server.grpcAddress, path, ...writeShape, bodies, status }, options)),
  );
  assert(userd !== undefined && yardstick !== undefined);
  const running = stack.move();
  return {
    userd,
    yardstick,
    load: `${writersInFlight} calls in flight by ${varying.name}, both on one process`,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};

const rowOf = <M extends DescMethodUnary>(name: string, rpc: Rpc<M>): Row => ({
  name,
  yardstick: "the same RPC by hand, same process",
  valuesPerCall: 1,
  prepare: (bench) => prepare(bench, rpc),
});

const { getRelease, createRelease, listReleases } = ReleaseService.method;

const pageOf = (condition: string) => ({
  method: listReleases,
  requests: ({ organizationIds: [organizationId = 0n] }: Filled) => [{ organizationId, pageSize, filter: condition }],
});

/** RPCs of releases, which the engine of kinds serves, against the same RPCs written by hand: what the engine costs. */
export const kinds: readonly Row[] = [
  rowOf("kind_get", { method: getRelease, requests: ({ ids }) => ids.map((value) => ({ key: { case: "id" as const, value } })) }),
  rowOf("kind_get_missing", {
    method: getRelease,
    requests: () => [{ key: { case: "id" as const, value: 9_000_000_000_000n } }],
    status: "5",
  }),
  rowOf("kind_create", {
    method: createRelease,
    requests: ({ organizationIds }) => organizationIds.map((id) => ({ release: releaseOf(id, `web@${stampedDigits}`, []) })),
  }),
  rowOf("kind_list", pageOf(filter)),
  rowOf("kind_list_all", pageOf("")),
];
