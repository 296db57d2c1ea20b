import { Agent, request } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { gunzipSync } from "node:zlib";
import { ChangeService } from "../../src/gen/userd/v1/change_service_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import type { ListenAddress } from "../../src/settings.ts";
import type { Input, Target } from "./inputs.ts";

/** What came back: a status of the protocol, by name or number, or what went wrong below it. */
export type Outcome = { readonly status: string; readonly fault?: string };

/** Sends inputs to a service. */
export type Sender = { readonly send: (target: Target, path: string, input: Input) => Promise<Outcome>; readonly close: () => void };

/** The path of the RPC whose streams stay open until somebody ends them. */
const watching = `/${ChangeService.typeName}/${ChangeService.method.watchChanges.name}`;

/** Longer than any default deadline of an RPC, in milliseconds. */
const PATIENCE_MS = 15_000;

/** Megabytes that a connection may have on their way. By default Node's client resets its own streams from 10 on, which a few large requests are. */
const CONNECTION_MB = 256;

/** How long a stream of changes has to be open, from its headers on, to be an answer: nothing else ends it. */
const OPEN_MS = 500;

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
  const sessions = new Map<Target["port"], ClientHttp2Session>();
  const current = (port: Target["port"]): ClientHttp2Session => {
    const known = sessions.get(port);
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const url = `http://${formatAddress(port === "grpc" ? service.grpcAddress : service.httpAddress)}`;
    const session = connect(url, { maxSessionMemory: CONNECTION_MB });
    session.on("error", () => {});
    sessions.set(port, session);
    return session;
  };

  const statusOf = (target: Target, httpStatus: number, headers: Record<string, unknown>, bytes: Buffer): Outcome => {
    const body = bytes.toString("latin1");
    const isWeb = target.protocol === "gRPC-Web";
    const grpcStatus = headers["grpc-status"] ?? (isWeb ? /grpc-status: *(\d+)/.exec(webTrailers(bytes))?.[1] : undefined);
    if (grpcStatus !== undefined) return { status: String(grpcStatus) };
    // A random content type can ask for Connect's streams, which end with a message of their own.
    if (String(headers["content-type"]).startsWith("application/connect+")) {
      const code = /"code":"(\w+)"/.exec(body)?.[1];
      return { status: code === undefined ? "0" : (connectCodes.get(code) ?? code) };
    }
    if (isWeb || target.protocol === "gRPC")
      return httpStatus === 200 ? { status: "none", fault: "no status" } : { status: `HTTP ${httpStatus}` };
    if (httpStatus === 200) return { status: "0" };
    const code = /"code":"(\w+)"/.exec(body)?.[1];
    return { status: code === undefined ? `HTTP ${httpStatus}` : (connectCodes.get(code) ?? code) };
  };

  const sendHttp2 = (target: Target, path: string, { headers, body }: Input): Promise<Outcome> =>
    new Promise((resolve) => {
      const stream = current(target.port).request({ ":method": "POST", ":path": path, ...headers });
      const fields: Record<string, unknown> = {};
      const chunks: Buffer[] = [];
      let fault: string | undefined;
      const noAnswer = () => {
        fault = "no answer";
        stream.close();
      };
      const isOpen = () => {
        fields["grpc-status"] ??= "open";
        stream.close();
      };
      let timer = setTimeout(noAnswer, PATIENCE_MS);
      stream
        .on("response", (received) => {
          Object.assign(fields, received);
          if (path !== watching || received[":status"] !== 200) return;
          clearTimeout(timer);
          timer = setTimeout(isOpen, OPEN_MS);
        })
        .on("trailers", (received) => Object.assign(fields, received))
        .on("data", (chunk: Buffer) => chunks.push(chunk))
        .on("error", (error) => {
          fault ??= error.message;
        });
      stream.on("close", () => {
        clearTimeout(timer);
        const status = fields[":status"];
        const answer = status === undefined ? undefined : statusOf(target, Number(status), fields, Buffer.concat(chunks));
        // What came whole counts, however its stream ended.
        if (answer !== undefined && answer.fault === undefined) resolve(answer);
        else resolve({ status: "none", fault: fault ?? answer?.fault ?? `closed without a status (${stream.rstCode})` });
      });
      stream.end(body);
    });

  const sendHttp1 = (target: Target, path: string, input: Input): Promise<Outcome> =>
    new Promise((resolve) => {
      const { headers, body } = input;
      const { host, port } = service.httpAddress;
      const safe = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString("latin1")]));
      const call = request({ host, port, path, method: "POST", agent, headers: { ...safe, "content-length": body.length } }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve(statusOf(target, response.statusCode ?? 0, { ...response.trailers, ...response.headers }, Buffer.concat(chunks))),
        );
        response.on("error", (error) => resolve({ status: "none", fault: error.message }));
        if (path === watching && response.statusCode === 200)
          setTimeout(() => {
            resolve({ status: "open" });
            call.destroy();
          }, OPEN_MS).unref();
      });
      call.setTimeout(PATIENCE_MS, () => call.destroy(new Error("no answer")));
      call.on("error", (error: NodeJS.ErrnoException) => {
        // The server may end a connection that rested for its 5 s while a request is on its way: a client sends it again.
        // What ends a connection by its content does so on the next one too, and that one has not rested.
        if (call.reusedSocket && error.code === "ECONNRESET") resolve(sendHttp1(target, path, input));
        else resolve({ status: "none", fault: error.message });
      });
      call.end(body);
    });

  return {
    send: (target, path, input) => (target.version === 2 ? sendHttp2 : sendHttp1)(target, path, input),
    close: () => {
      agent.destroy();
      for (const session of sessions.values()) session.destroy();
    },
  };
};
