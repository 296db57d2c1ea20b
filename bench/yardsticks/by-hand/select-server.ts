// GetOption as a service by hand would have it without a cache: grpc-js, pg with a pool, and one prepared select by the key for each call.
// Reads its job from standard input, prints its address.
import { json } from "node:stream/consumers";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate, type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import pg from "pg";
import {
  type GetOptionRequest,
  GetOptionRequestSchema,
  type GetOptionResponse,
  GetOptionResponseSchema,
} from "../../../src/gen/userd/v1/user_option_service_pb.ts";
import type { UpsertJob } from "./upsert-server.ts";

type Row = {
  readonly id: string;
  readonly user_id: string;
  readonly key: string;
  readonly value: string;
  readonly version: number;
  readonly create_time: Date;
  readonly update_time: Date;
};

const { path, url, connections } = (await json(process.stdin)) as UpsertJob;
const pool = new pg.Pool({ connectionString: url, max: connections });

const text = `select id, user_id, key, value, version, create_time, update_time from user_option
  where user_id = $1 and scope_kind = 0 and scope_id = 0 and key = $2`;

/** The yardstick's values are texts alone. */
const textValue = (value: string): Value => create(ValueSchema, { kind: { case: "stringValue", value } });

const getOption = async ({ userId, key }: GetOptionRequest): Promise<GetOptionResponse> => {
  const { rows } = await pool.query<Row>({ name: "select", text, values: [String(userId), key] });
  const [row] = rows;
  if (row === undefined) return create(GetOptionResponseSchema, { found: false });
  return create(GetOptionResponseSchema, {
    found: true,
    value: textValue(row.value),
    option: {
      userId: BigInt(row.user_id),
      key: row.key,
      value: textValue(row.value),
      etag: `${row.id}.${row.version}`,
      createTime: timestampFromDate(row.create_time),
      updateTime: timestampFromDate(row.update_time),
    },
  });
};

const server = new Server({ "grpc.enable_channelz": 0 });
server.addService(
  {
    call: {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: (request: GetOptionRequest) => Buffer.from(toBinary(GetOptionRequestSchema, request)),
      requestDeserialize: (bytes: Buffer) => fromBinary(GetOptionRequestSchema, bytes),
      responseSerialize: (response: GetOptionResponse) => Buffer.from(toBinary(GetOptionResponseSchema, response)),
      responseDeserialize: (bytes: Buffer) => fromBinary(GetOptionResponseSchema, bytes),
    },
  },
  {
    call: ({ request }: ServerUnaryCall<GetOptionRequest, GetOptionResponse>, callback: sendUnaryData<GetOptionResponse>) => {
      getOption(request).then(
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
