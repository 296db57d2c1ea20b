import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { CheckInSchema } from "../../src/gen/userd/kinds/v1/monitor_pb.ts";
import {
  AppendCheckInsRequestSchema,
  AppendCheckInsResponseSchema,
  MonitorService,
} from "../../src/gen/userd/kinds/v1/monitor_service_pb.ts";
import { OrganizationService } from "../../src/gen/userd/v1/organization_service_pb.ts";
import { createGrpcJsTransport } from "../../test/support/grpc-js-transport.ts";
import type { Bench, Row } from "../bench.ts";
import { rawCall } from "../raw-call.ts";
import { runReader } from "../yardsticks/pg.ts";
import { userdSide } from "./read.ts";
import { stampedBody } from "./write.ts";

/** The most that one call takes. */
const records = 1_000;
const connections = 4;

const method = MonitorService.method.appendCheckIns;
const path = `/${method.parent.typeName}/${method.name}`;

/** As many rows of the same table and values by one statement, without userd: what PostgreSQL takes for its indexes and references. */
const sql = `insert into check_in (organization_id, monitor_id, guid, status, duration_ms)
  select $1::bigint, $2::bigint, gen_random_uuid()::text, 1, n from generate_series(1, ${records}) n returning id`;

const makeMonitor = async ({ service, seed }: Bench) => {
  const transport = createGrpcJsTransport(service.grpcAddress, 30_000);
  try {
    const [organizations, monitors] = [createClient(OrganizationService, transport), createClient(MonitorService, transport)];
    const ownerUserId = seed.userIds[0] ?? 0n;
    const { organization } = await organizations.createOrganization({ organization: { name: "Records" }, ownerUserId });
    const organizationId = organization?.id ?? 0n;
    const { project } = await organizations.createProject({ project: { organizationId, name: "Records" } });
    const { monitor } = await monitors.createMonitor({ monitor: { projectId: project?.id ?? 0n, name: "Nightly", slug: "nightly" } });
    return { organizationId, monitorId: monitor?.id ?? 0n };
  } finally {
    transport.close();
  }
};

/** AppendCheckIns of 1,000 records a call, counted in records, against an INSERT of as many rows through pg alone. */
export const kindAppend: Row = {
  name: "kind_append",
  yardstick: "INSERT … SELECT of as many rows, pg alone",
  valuesPerCall: records,
  prepare: async (bench) => {
    const { organizationId, monitorId } = await makeMonitor(bench);
    const checkIns = Array.from({ length: records }, (_, n) => create(CheckInSchema, { monitorId, status: 1, durationMs: BigInt(n + 1) }));
    const request = toBinary(AppendCheckInsRequestSchema, create(AppendCheckInsRequestSchema, { checkIns }));
    const { ids } = fromBinary(AppendCheckInsResponseSchema, await rawCall(bench.service.grpcAddress, path, request));
    assert.equal(ids.length, records);
    const target = { address: bench.service.grpcAddress, path, connections, streams: 1, bodies: [stampedBody(request)] };
    const parameters = [String(organizationId), String(monitorId)];
    const reader = { url: bench.service.databaseUrl, sql, parameters, rows: records, connections };
    return {
      userd: userdSide(bench.service, (options) => bench.varying.run(target, options), path),
      yardstick: (options) => runReader(reader, bench.pins, options),
      load: `${connections} calls in flight by ${bench.varying.name}; pg: ${connections} connections`,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};
