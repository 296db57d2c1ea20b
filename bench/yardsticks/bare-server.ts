// A bare grpc-js server in a process of its own: no chain, no messages. It answers recorded bytes, or refuses by trailers alone. Reads
// either from standard input, prints its address.
import { json } from "node:stream/consumers";
import { Metadata, Server, ServerCredentials, type ServerErrorResponse } from "@grpc/grpc-js";

const asIs = (bytes: Buffer): Buffer => bytes;

type Refusal = { code: number; details: string; trailers: Record<string, string> };
type Job = { path: string; answer?: string; refusal?: Refusal; tls?: { cert: string; key: string } };
const { path, answer = "", refusal, tls } = (await json(process.stdin)) as Job;

const statusOf = ({ code, details, trailers }: Refusal) => {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value);
  return { name: "refusal", message: details, code, details, metadata };
};
const bytes = Buffer.from(answer, "base64");
const status = refusal === undefined ? null : statusOf(refusal);
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
  { call: (_: unknown, callback: (error: ServerErrorResponse | null, answer?: Buffer) => void) => callback(status, bytes) },
);
const credentials =
  tls === undefined
    ? ServerCredentials.createInsecure()
    : ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }]);
server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
  if (error) throw error;
  process.stdout.write(`127.0.0.1:${port}\n`);
});
