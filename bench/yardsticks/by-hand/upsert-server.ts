// SetOption as a service by hand would have it: grpc-js, pg and one upsert into a table of the same columns without triggers, versions or log.
// Reads its job from standard input, prints its address.
import { json } from "node:stream/consumers";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate, type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import pg from "pg";
import {
  type SetOptionRequest,
  SetOptionRequestSchema,
  type SetOptionResponse,
  SetOptionResponseSchema,
} from "../../../src/gen/userd/v1/user_option_service_pb.ts";

/** What it is told. */
export type UpsertJob = { readonly path: string; readonly url: string; readonly connections: number };

type Row = {
  readonly user_id: string;
  readonly key: string;
  readonly value: number;
  readonly version: number;
  readonly [time: string]: unknown;
};

const { path, url, connections } = (await json(process.stdin)) as UpsertJob;
const pool = new pg.Pool({ connectionString: url, max: connections });

const text = `insert into bench_plain_option as o (user_id, scope_kind, scope_id, key, value)
  values ($1, 0, 0, $2, $3)
  on conflict (user_id, scope_kind, scope_id, key)
    do update set value = excluded.value, update_time = statement_timestamp(), version = o.version + 1
  returning *`;

/** The yardstick's requests have numbers alone. */
const numberIn = (value: Value | undefined): number => (value?.kind.case === "numberValue" ? value.kind.value : 0);

const setOption = async ({ userId, key, value }: SetOptionRequest): Promise<SetOptionResponse> => {
  const { rows } = await pool.query<Row>({ name: "upsert", text, values: [String(userId), key, JSON.stringify(numberIn(value))] });
  const [row] = rows;
  if (row === undefined) throw new Error("The upsert returned no row.");
  return create(SetOptionResponseSchema, {
    option: {
      userId: BigInt(row.user_id),
      key: row.key,
      value: create(ValueSchema, { kind: { case: "numberValue", value: row.value } }),
      etag: String(row.version),
      createTime: timestampFromDate(row["create_time"] as Date),
      updateTime: timestampFromDate(row["update_time"] as Date),
    },
    changed: true,
  });
};

const server = new Server({ "grpc.enable_channelz": 0 });
server.addService(
  {
    call: {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: (request: SetOptionRequest) => Buffer.from(toBinary(SetOptionRequestSchema, request)),
      requestDeserialize: (bytes: Buffer) => fromBinary(SetOptionRequestSchema, bytes),
      responseSerialize: (response: SetOptionResponse) => Buffer.from(toBinary(SetOptionResponseSchema, response)),
      responseDeserialize: (bytes: Buffer) => fromBinary(SetOptionResponseSchema, bytes),
    },
  },
  {
    call: ({ request }: ServerUnaryCall<SetOptionRequest, SetOptionResponse>, callback: sendUnaryData<SetOptionResponse>) => {
      setOption(request).then(
        (response) => callback(null, response),
        (error: Error) => callback(error),
      );
    },
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`127.0.0.1:${port}\n`);
});
