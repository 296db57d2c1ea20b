// A bare grpc-js server in a process of its own: no chain, no messages, recorded bytes as answers. Reads them from
// standard input, prints its address.
import { json } from "node:stream/consumers";
import { Server, ServerCredentials } from "@grpc/grpc-js";

const asIs = (bytes: Buffer): Buffer => bytes;

const { path, answer, tls } = (await json(process.stdin)) as { path: string; answer: string; tls?: { cert: string; key: string } };
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
const credentials =
  tls === undefined
    ? ServerCredentials.createInsecure()
    : ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }]);
server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
  if (error) throw error;
  process.stdout.write(`127.0.0.1:${port}\n`);
});
