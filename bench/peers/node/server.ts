// GetOption as a team would write it by hand in Node: grpc-js, pg, an LRU whose answers live for a bound, and one query for all who miss the same
// answer at once. No access rules, no versions, no change log. Reads its job from standard input, prints its address.
import { json } from "node:stream/consumers";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { LRUCache } from "lru-cache";
import pg from "pg";
import { toValue } from "../../../clients/typescript/src/json.ts";
import {
  type GetOptionRequest,
  GetOptionRequestSchema,
  type GetOptionResponse,
  GetOptionResponseSchema,
  UserOptionService,
} from "../../../src/gen/userd/v1/user_option_service_pb.ts";
import type { PeerJob } from "../start.ts";

type Row = { readonly value: string | null; readonly version: string; readonly create_time: Date; readonly update_time: Date };

const { url, connections, boundMs, entries } = (await json(process.stdin)) as PeerJob;
const pool = new pg.Pool({ connectionString: url, max: connections });

const text = `select o.value::text, o.version, o.create_time, o.update_time
  from users u left join user_option o on o.user_id = u.id and o.scope_kind = $2 and o.scope_id = $3 and o.key = $4
    and (o.expire_time is null or o.expire_time > statement_timestamp())
  where u.id = $1`;

const refusal = (code: status, details: string) => Object.assign(new Error(details), { code, details });

const isOption = ({ userId, key, projectId, organizationId }: GetOptionRequest): boolean =>
  userId > 0n &&
  projectId >= 0n &&
  organizationId >= 0n &&
  (projectId === 0n || organizationId === 0n) &&
  /^[A-Za-z0-9_.:-]{1,64}$/.test(key);

const scopeOf = ({ projectId, organizationId }: GetOptionRequest): readonly [kind: number, id: string] => {
  if (projectId > 0n) return [2, String(projectId)];
  return organizationId > 0n ? [1, String(organizationId)] : [0, "0"];
};

const load = async (request: GetOptionRequest): Promise<GetOptionResponse> => {
  const { userId, key, projectId, organizationId } = request;
  const { rows } = await pool.query<Row>({ name: "option", text, values: [String(userId), ...scopeOf(request), key] });
  const [row] = rows;
  if (row === undefined) throw refusal(status.NOT_FOUND, "no such user");
  if (row.value === null) return create(GetOptionResponseSchema);
  const value = toValue(JSON.parse(row.value));
  const times = { createTime: timestampFromDate(row.create_time), updateTime: timestampFromDate(row.update_time) };
  return create(GetOptionResponseSchema, {
    found: true,
    value,
    option: { userId, key, value, projectId, organizationId, etag: row.version, ...times },
  });
};

const kept = new LRUCache<string, { readonly answer: GetOptionResponse; readonly readAt: number }>({ max: entries });
const flights = new Map<string, Promise<GetOptionResponse>>();

const read = async (name: string, request: GetOptionRequest): Promise<GetOptionResponse> => {
  const readAt = performance.now();
  const answer = await load(request);
  kept.set(name, { answer, readAt });
  return answer;
};

const getOption = (request: GetOptionRequest): GetOptionResponse | Promise<GetOptionResponse> => {
  if (!isOption(request)) throw refusal(status.INVALID_ARGUMENT, "not an option");
  if (request.consistency?.mode.case === "fullyConsistent") return load(request);
  const name = `${request.userId}/${request.projectId}/${request.organizationId}/${request.key}`;
  const found = kept.get(name);
  if (found !== undefined && performance.now() - found.readAt < boundMs) return found.answer;
  const open = flights.get(name);
  if (open !== undefined) return open;
  const flight = read(name, request).finally(() => flights.delete(name));
  flights.set(name, flight);
  return flight;
};

const { parent, name } = UserOptionService.method.getOption;
const server = new Server({ "grpc.enable_channelz": 0 });
server.addService(
  {
    call: {
      path: `/${parent.typeName}/${name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (request: GetOptionRequest) => Buffer.from(toBinary(GetOptionRequestSchema, request)),
      requestDeserialize: (bytes: Buffer) => fromBinary(GetOptionRequestSchema, bytes),
      responseSerialize: (response: GetOptionResponse) => Buffer.from(toBinary(GetOptionResponseSchema, response)),
      responseDeserialize: (bytes: Buffer) => fromBinary(GetOptionResponseSchema, bytes),
    },
  },
  {
    call: async ({ request }: ServerUnaryCall<GetOptionRequest, GetOptionResponse>, callback: sendUnaryData<GetOptionResponse>) => {
      try {
        callback(null, await getOption(request));
      } catch (error) {
        callback(error as Error);
      }
    },
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`127.0.0.1:${port}\n`);
});
