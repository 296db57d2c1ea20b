// A bare grpc-js server in a process of its own: no chain, no messages, recorded bytes as answers. Reads them from
// standard input, prints its address.
import { json } from "node:stream/consumers";
import { Server, ServerCredentials } from "@grpc/grpc-js";

const asIs = (bytes: Buffer): Buffer => bytes;

const { path, answer } = (await json(process.stdin)) as { path: string; answer: string };
const bytes = Buffer.from(answer, "base64");
// Channelz costs on each message and userd has it off: the yardstick is not to be slow where userd is not.
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
  { call: (_: unknown, callback: (error: null, answer: Buffer) => void) => callback(null, bytes) },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`127.0.0.1:${port}\n`);
});
