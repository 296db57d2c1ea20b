import type { OutgoingHttpHeaders } from "node:http2";
import type { HandlerContext } from "@connectrpc/connect";
import { Metadata, type ServerInterceptingCallInterface, type ServerUnaryCall } from "@grpc/grpc-js";
import { DirectCall } from "../../src/server/direct-call.ts";
import type { Invocation } from "../../src/server/interceptors/invocation.ts";

/** A header, as the suite writes it. */
export type Pair = { readonly name: string; readonly value: string[] };

/** What the suite sees and sets of a call, and no operation of the service does. */
export type Wire = {
  readonly requestHeaders: Pair[];
  /** How long the client waits, in milliseconds; undefined when it did not say. */
  readonly timeoutMs: bigint | undefined;
  /** The query of a read by GET. */
  readonly query: Pair[] | undefined;
  readonly sendHeaders: (headers: readonly Pair[]) => void;
  /** What the end of the call carries besides its status, whatever that is. */
  readonly setTrailers: (trailers: readonly Pair[]) => void;
};

/** A deadline further away than this is that of the server, not one that the client sent. */
export const NOBODYS_TIMEOUT_MS = 20 * 3_600_000;

const remaining = (deadline: number): bigint | undefined => {
  const milliseconds = deadline - Date.now();
  return milliseconds > NOBODYS_TIMEOUT_MS ? undefined : BigInt(Math.trunc(milliseconds));
};

const metadataOf = (pairs: readonly Pair[]): Metadata => {
  const metadata = new Metadata();
  for (const { name, value } of pairs) {
    for (const one of value) metadata.add(name, name.toLowerCase().endsWith("-bin") ? Buffer.from(one, "base64") : one);
  }
  return metadata;
};

/** A call of grpc-js with the part of it that its types keep private, or userd's, which is that part itself. */
type GrpcCall = ServerUnaryCall<unknown, unknown> & ServerInterceptingCallInterface & { readonly call?: ServerInterceptingCallInterface };

/** The wire of a call on the gRPC port, or of a bare grpc-js server. */
export const grpcWire = (source: unknown): Wire => {
  const call = source as GrpcCall;
  const deadline = call.getDeadline();
  return {
    requestHeaders: Object.entries(call.metadata.toJSON()).map(([name, values]) => ({
      name,
      value: values.map((value) => (typeof value === "string" ? value : value.toString("base64"))),
    })),
    timeoutMs: remaining(typeof deadline === "number" ? deadline : deadline.getTime()),
    query: undefined,
    sendHeaders: (headers) => call.sendMetadata(metadataOf(headers)),
    setTrailers: (trailers) => {
      const inner = call.call ?? call;
      const { sendStatus } = inner;
      inner.sendStatus = (status) => {
        const metadata = metadataOf(trailers);
        if (status.metadata) metadata.merge(status.metadata);
        sendStatus.call(inner, { ...status, metadata });
      };
    },
  };
};

const append = (target: Headers, pairs: readonly Pair[]): void => {
  for (const { name, value } of pairs) for (const one of value) target.append(name, one);
};

/** The wire of a call of connect. */
const connectWire = ({ requestHeader, requestMethod, url, responseHeader, responseTrailer }: HandlerContext, deadline: number): Wire => ({
  requestHeaders: [...requestHeader].map(([name, value]) => ({ name, value: value.split(", ") })),
  timeoutMs: remaining(deadline),
  query: requestMethod === "GET" ? [...new URL(url).searchParams].map(([name, value]) => ({ name, value: [value] })) : undefined,
  sendHeaders: (headers) => append(responseHeader, headers),
  setTrailers: (trailers) => append(responseTrailer, trailers),
});

/** The headers of an answer, which may be an array of names and values. */
const headersOf = (headers: OutgoingHttpHeaders | readonly string[] = {}): OutgoingHttpHeaders =>
  Array.isArray(headers)
    ? Object.fromEntries(Array.from({ length: headers.length / 2 }, (_, at) => [headers[2 * at], headers[2 * at + 1]]))
    : (headers as OutgoingHttpHeaders);

/** The wire of a call on the gRPC port that grpc-js has no part in. */
const directWire = ({ stream, headers }: DirectCall, deadline: number): Wire => {
  const { ":status": _, "content-type": __, te, "grpc-timeout": ___, ...shown } = headers;
  let trailers: OutgoingHttpHeaders = {};
  const { respond, sendTrailers } = stream;
  stream.sendTrailers = (sent) => sendTrailers.call(stream, { ...trailers, ...sent });
  // A refusal is of headers alone, which are its trailers; here, headers may have been sent before.
  stream.respond = (sent, options) => {
    if (!stream.headersSent) return respond.call(stream, options?.endStream ? { ...trailers, ...headersOf(sent) } : sent, options);
    if (!options?.endStream) return;
    const { ":status": _, "content-type": __, ...status } = headersOf(sent);
    stream.on("wantTrailers", () => stream.sendTrailers(status));
    stream.end();
  };
  return {
    requestHeaders: Object.entries(Metadata.fromHttp2Headers(shown).toJSON()).map(([name, values]) => ({
      name,
      value: values.map((value) => (typeof value === "string" ? value : value.toString("base64"))),
    })),
    timeoutMs: remaining(deadline),
    query: undefined,
    sendHeaders: (pairs) => {
      const sent = { ":status": 200, "content-type": "application/grpc+proto", ...metadataOf(pairs).toHttp2Headers() };
      respond.call(stream, sent, { waitForTrailers: true });
    },
    setTrailers: (pairs) => {
      trailers = metadataOf(pairs).toHttp2Headers();
    },
  };
};

/** The wire of a call of userd, on either port. */
export const wireOf = ({ source, deadline }: Invocation): Wire => {
  if (source instanceof DirectCall) return directWire(source, deadline);
  return "responseTrailer" in (source as object) ? connectWire(source as HandlerContext, deadline) : grpcWire(source);
};
