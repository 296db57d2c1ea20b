// A bare node:http2 server in a process of its own: what gRPC puts on the wire, without a gRPC library. Reads its answer
// from standard input, prints its address.
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { frame } from "../load/load.ts";

const { path, answer } = (await json(process.stdin)) as { path: string; answer: string };
const bytes = frame(Buffer.from(answer, "base64"));
const server = createServer();
server.on("stream", (stream, headers) => {
  stream.on("error", () => {});
  if (headers[":path"] !== path) {
    stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "12" }, { endStream: true });
    return;
  }
  // The request is read to its end before it is answered, as any server has to.
  stream.resume().on("end", () => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(bytes);
  });
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
