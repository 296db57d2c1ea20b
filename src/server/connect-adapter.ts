import { PassThrough, type Writable } from "node:stream";
import { type DescMethod, type Message, toBinary } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ContextValues,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type MethodImpl,
} from "@connectrpc/connect";
import type { Compression, UniversalHandler } from "@connectrpc/connect/protocol";
import { compressionGzip } from "@connectrpc/connect-node";
import { DomainError } from "../errors.ts";
import { decodeJson } from "../json/decode.ts";
import { detailTypes } from "../status.ts";
import { type Bodies, freeInflated, tooMany } from "./bodies.ts";
import { assertResponseSize, holdsBytes, toMessage } from "./codec.ts";
import { become, codecFault, toConnectError } from "./connect-errors.ts";
import { compileAdmission } from "./interceptors/admission.ts";
import { compile } from "./interceptors/index.ts";
import type { InterceptorContext } from "./interceptors/interceptor.ts";
import { Invocation, type Transport } from "./interceptors/invocation.ts";
import { StatusError } from "./interceptors/status.ts";
import { holdsTooManyMessages, holdsTooManyValues } from "./message-count.ts";
import type { Connection } from "./peers.ts";
import type { Codec, Rpc } from "./rpc.ts";

/** What the HTTP port knows of a call, and connect does not. */
export type HttpCall = {
  readonly connection: Connection | undefined;
  /** The deadline, in milliseconds since the epoch. */
  readonly deadline: number;
  /** Tells that the bytes of the body that have arrived are needed no longer: the message that they are has been used. */
  readonly consumed: () => void;
  /** Tells that the last message of a stream of responses was written: what is left is for the client to take. */
  readonly answered: () => void;
};

const httpCallKey = createContextKey<HttpCall>(
  { connection: undefined, deadline: Infinity, consumed: () => {}, answered: () => {} },
  { description: "the call as the HTTP port knows it" },
);
const invocationKey = createContextKey<Invocation<HandlerContext> | undefined>(undefined, { description: "the call after its admission" });

/** Makes the context values by which connect passes what the HTTP port knows of a call to the call's handler. */
export const withHttpCall = (call: HttpCall): ContextValues => createContextValues().set(httpCallKey, call);

/** gzip with the limits of `Bodies`; connect's own inflates any number of messages at once. */
const gzipWithin = (bodies: Bodies, { method }: Rpc): Compression => ({
  ...compressionGzip,
  decompress: async (bytes, readMaxBytes) => {
    try {
      const inflated = await bodies.inflate(bytes, "gzip", readMaxBytes);
      if (holdsTooManyMessages(method.input, inflated)) throw tooMany();
      // Connect decodes it before anything else happens.
      if (!holdsBytes(method.input)) setImmediate(() => freeInflated(inflated));
      return inflated;
    } catch (error) {
      throw new ConnectError("the message can't be inflated", Code.InvalidArgument, undefined, undefined, error);
    }
  },
});

/**
 * The codec of an RPC on the HTTP port, where connect itself decodes and encodes. A request that connect could not decode arrives as the
 * error. The size of a response is that of the binary format: connect's own limit differs by format and ends a stream without a reason.
 */
const messageCodec = ({ method }: Rpc): Codec => ({
  decode: (received) => {
    if (received instanceof Error) throw received;
    return received as Message;
  },
  encode: (response) => {
    const message = toMessage(method.output, response);
    assertResponseSize(toBinary(method.output, message));
    return message;
  },
});

/** The JSON options of connect. They put in a decoder that checks requests: alone, connect takes what it does not understand for absent. */
const jsonOptionsOf = ({ method }: Rpc, { messageTypes = detailTypes }: InterceptorContext) => ({
  // Entries of batches carry their errors in the message, as google.protobuf.Any.
  registry: messageTypes,
  ignoreUnknownFields: false,
  textDecoder: {
    decode: (bytes: Uint8Array) => {
      if (holdsTooManyValues(bytes)) throw tooMany();
      return decodeJson(method.input, bytes);
    },
  },
});

/** The error that ended a stream of requests, as an error of userd. For a single request, connect itself reports an unknown compression. */
const streamFault = (error: ConnectError, rpc: Rpc): Error =>
  error.code === Code.Unimplemented
    ? new DomainError("Invalid", "FIELD_INVALID", "The compression of the request is unknown; the service takes gzip.", { cause: error })
    : (codecFault(error, rpc) ?? error);

/** The messages of a stream; a failure of connect's codec is thrown as an error of userd. */
const withCodecFaults = async function* (requests: AsyncIterable<Message>, rpc: Rpc, consumed: () => void): AsyncGenerator<Message> {
  try {
    for await (const request of requests) {
      consumed();
      yield request;
    }
  } catch (error) {
    throw error instanceof ConnectError ? streamFault(error, rpc) : error;
  }
};

const transport: Transport<HandlerContext> = {
  header: ({ requestHeader }, name) => requestHeader.get(name) ?? undefined,
  headers: ({ requestHeader }, name) => requestHeader.get(name) ?? "",
  connection: ({ values }) => values.get(httpCallKey).connection,
  deadline: ({ values }) => values.get(httpCallKey).deadline,
  onCancel: ({ signal }, listener) => signal.addEventListener("abort", listener, { once: true }),
};

/** Tells that a call over a connection was admitted. */
type Vouch = (connection: Connection) => void;

const addRpc = (router: ConnectRouter, rpc: Rpc, context: InterceptorContext, bodies: Bodies, vouch: Vouch): void => {
  const handler = compile({ ...rpc, ...messageCodec(rpc) }, context);
  const admission = compileAdmission(rpc, context);
  /** The errors that the interceptors made; all others are connect's. */
  const made = new WeakSet<ConnectError>();

  const start = (call: HandlerContext, outlet?: Writable): Invocation => {
    const invocation = call.values.get(invocationKey);
    if (invocation === undefined) throw new Error("A call is admitted before it is handled.");
    invocation.outlet = outlet;
    return invocation;
  };

  const refusalOf = (error: unknown): unknown => {
    if (!(error instanceof StatusError)) return error;
    const sent = toConnectError(error);
    made.add(sent);
    return sent;
  };

  const answer = async (request: unknown, call: HandlerContext): Promise<Message> => {
    try {
      const invocation = start(call);
      const message = (await handler(invocation, request)) as Message;
      for (const name in invocation.fields) call.responseHeader.set(name, invocation.fields[name] ?? "");
      return message;
    } catch (error) {
      throw refusalOf(error);
    }
  };

  /** Answers a call with a stream: interceptors write, connect reads. The queue between the two is as long as that of grpc-js. */
  const answerWithStream = async function* (request: unknown, call: HandlerContext): AsyncGenerator<Message> {
    const outlet = new PassThrough({ objectMode: true });
    let failure: { readonly error: unknown } | undefined;
    const run = async () => void (await handler(start(call, outlet), request));
    void run()
      .catch((error: unknown) => {
        failure = { error: refusalOf(error) };
      })
      .then(() => {
        outlet.end();
        call.values.get(httpCallKey).answered();
      });
    // What was written before a failure is sent before it.
    yield* outlet;
    if (failure !== undefined) throw failure.error;
  };

  const answerToStream = (requests: AsyncIterable<Message>, call: HandlerContext): Promise<Message> =>
    answer(withCodecFaults(requests, rpc, call.values.get(httpCallKey).consumed), call);

  const answers = { unary: answer, server_streaming: answerWithStream, client_streaming: answerToStream } as const;

  /**
   * Lets the interceptors answer failures of connect's codec, so that these are counted, logged and refused as any other. Connect has no
   * hook for them, but aborts the call's signal with the error just before it sends the error.
   */
  const answerCodecFaults = (call: HandlerContext): void => {
    // Of a stream the interceptors themselves read the messages, and see what fails there.
    if (rpc.kind === "client_streaming") return;
    call.signal.addEventListener("abort", () => {
      const error: unknown = call.signal.reason;
      if (!(error instanceof ConnectError) || made.has(error)) return;
      const fault = codecFault(error, rpc);
      if (fault === undefined) return;
      try {
        void handler(start(call), fault);
      } catch (status) {
        if (status instanceof StatusError) become(error, status);
      }
    });
  };

  /** Refuses a call by its headers, before connect reads the body. */
  const admit = async (call: HandlerContext): Promise<void> => {
    const invocation = new Invocation(rpc, transport, call, context.log);
    call.values.set(invocationKey, invocation);
    try {
      await admission.admit(invocation);
    } catch (error) {
      throw refusalOf(error);
    }
    const { connection } = call.values.get(httpCallKey);
    if (connection !== undefined) vouch(connection);
    answerCodecFaults(call);
  };

  router.rpc(rpc.method, answers[rpc.kind] as MethodImpl<DescMethod>, {
    readMaxBytes: rpc.maxRequestBytes,
    maxTimeoutMs: rpc.maxTimeoutMs,
    acceptCompression: [gzipWithin(bodies, rpc)],
    jsonOptions: jsonOptionsOf(rpc, context),
    binaryOptions: { readUnknownFields: false },
    requestGate: admit,
  });
};

/** An RPC, with connect's handler for its requests on the HTTP port, in the protocols Connect, gRPC-Web and gRPC. */
export type ConnectRpc = { readonly rpc: Rpc; readonly handle: UniversalHandler };

/** Makes the handlers of all RPCs for the HTTP port, each behind the interceptors. Returns them as a map keyed by request path. */
export const createConnectRpcs = (
  rpcs: readonly Rpc[],
  context: InterceptorContext,
  bodies: Bodies,
  vouch: Vouch,
): ReadonlyMap<string, ConnectRpc> =>
  new Map(
    rpcs.map((rpc) => {
      const router = createConnectRouter();
      addRpc(router, rpc, context, bodies, vouch);
      const [handle] = router.handlers;
      if (handle === undefined) throw new Error(`connect made no handler for ${rpc.name}`);
      return [handle.requestPath, { rpc, handle }];
    }),
  );
