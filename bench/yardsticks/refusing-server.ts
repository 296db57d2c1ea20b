// A bare grpc-js server in a process of its own that refuses every call by trailers alone: the same status as userd, no chain. Reads them from
// standard input, prints its address.
import { json } from "node:stream/consumers";
import { Metadata, Server, ServerCredentials } from "@grpc/grpc-js";

const asIs = (bytes: Buffer): Buffer => bytes;

const { path, code, details, trailers } = (await json(process.stdin)) as {
  path: string;
  code: number;
  details: string;
  trailers: Record<string, string>;
};
const metadata = new Metadata();
for (const [name, value] of Object.entries(trailers)) metadata.set(name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value);
const status = { code, details, metadata };
const server = new Server({ "grpc.enable_channelz": 0 });
server.addService(
  {
    call: {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  },
  { call: (_: unknown, callback: (refusal: typeof status) => void) => callback(status) },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`127.0.0.1:${port}\n`);
});
