import { Agent, request } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { gunzipSync } from "node:zlib";
import type { ListenAddress } from "../../src/config.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import type { Input, Target } from "./inputs.ts";

/** What came back: a status of the protocol, by name or number, or what went wrong below it. */
export type Outcome = { readonly status: string; readonly fault?: string };

/** Sends inputs to a service. */
export type Sender = { readonly send: (target: Target, path: string, input: Input) => Promise<Outcome>; readonly close: () => void };

/** Longer than any default deadline of an RPC. */
const patienceMs = 15_000;

const connectCodes = new Map([
  ["internal", "13"],
  ["unknown", "2"],
  ["data_loss", "15"],
]);

/** The text of the trailers of gRPC-Web: the frame with the highest bit set, in gzip if the lowest is. */
const webTrailers = (body: Buffer): string => {
  for (let at = 0; at + 5 <= body.length; at += 5 + body.readUInt32BE(at + 1)) {
    const flags = body.readUInt8(at);
    const frame = body.subarray(at + 5, at + 5 + body.readUInt32BE(at + 1));
    if ((flags & 0x80) !== 0) return ((flags & 1) !== 0 ? gunzipSync(frame) : frame).toString("latin1");
  }
  return "";
};

/** Sends to both ports of a service, over connections that are kept. */
export const createSender = (service: { readonly grpcAddress: ListenAddress; readonly httpAddress: ListenAddress }): Sender => {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  let session: ClientHttp2Session | undefined;
  const current = (): ClientHttp2Session => {
    if (session === undefined || session.closed || session.destroyed) {
      session = connect(`http://${formatAddress(service.grpcAddress)}`);
      session.on("error", () => {});
    }
    return session;
  };

  const sendHttp2 = (path: string, { headers, body }: Input): Promise<Outcome> =>
    new Promise((resolve) => {
      const stream = current().request({ ":method": "POST", ":path": path, ...headers });
      let outcome: Outcome | undefined;
      const timer = setTimeout(() => {
        stream.close();
        resolve({ status: "none", fault: "no answer" });
      }, patienceMs);
      const read = (fields: Record<string, unknown>) => {
        const status = fields["grpc-status"];
        if (status !== undefined) outcome = { status: String(status) };
        else if (fields[":status"] !== undefined && fields[":status"] !== 200) outcome = { status: `HTTP ${fields[":status"]}` };
      };
      stream
        .on("response", read)
        .on("trailers", read)
        .on("error", (error) => {
          outcome ??= { status: "none", fault: error.message };
        });
      stream.on("close", () => {
        clearTimeout(timer);
        resolve(outcome ?? { status: "none", fault: `closed without a status (${stream.rstCode})` });
      });
      stream.resume().end(body);
    });

  const statusOf = (target: Target, httpStatus: number, headers: Record<string, unknown>, bytes: Buffer): Outcome => {
    const body = bytes.toString("latin1");
    const grpcStatus = headers["grpc-status"] ?? (target === "gRPC-Web" ? /grpc-status: *(\d+)/.exec(webTrailers(bytes))?.[1] : undefined);
    if (grpcStatus !== undefined) return { status: String(grpcStatus) };
    // A random content type can ask for Connect's streams, which end with a message of their own.
    if (String(headers["content-type"]).startsWith("application/connect+")) {
      const code = /"code":"(\w+)"/.exec(body)?.[1];
      return { status: code === undefined ? "0" : (connectCodes.get(code) ?? code) };
    }
    if (target === "gRPC-Web") return httpStatus === 200 ? { status: "none", fault: "no status" } : { status: `HTTP ${httpStatus}` };
    if (httpStatus === 200) return { status: "0" };
    const code = /"code":"(\w+)"/.exec(body)?.[1];
    return { status: code === undefined ? `HTTP ${httpStatus}` : (connectCodes.get(code) ?? code) };
  };

  const sendHttp1 = (target: Target, path: string, { headers, body }: Input): Promise<Outcome> =>
    new Promise((resolve) => {
      const { host, port } = service.httpAddress;
      const safe = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString("latin1")]));
      const call = request({ host, port, path, method: "POST", agent, headers: { ...safe, "content-length": body.length } }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve(statusOf(target, response.statusCode ?? 0, { ...response.trailers, ...response.headers }, Buffer.concat(chunks))),
        );
        response.on("error", (error) => resolve({ status: "none", fault: error.message }));
      });
      call.setTimeout(patienceMs, () => call.destroy(new Error("no answer")));
      call.on("error", (error) => resolve({ status: "none", fault: error.message }));
      call.end(body);
    });

  return {
    send: (target, path, input) => (target === "gRPC" ? sendHttp2(path, input) : sendHttp1(target, path, input)),
    close: () => {
      agent.destroy();
      session?.destroy();
    },
  };
};
