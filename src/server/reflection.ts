import { create, type DescFile, type DescService, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { handleBidiStreamingCall, Server, ServerDuplexStream } from "@grpc/grpc-js";
import { DomainError, exhausted } from "../errors.ts";
import { file_google_rpc_error_details } from "../gen/google/rpc/error_details_pb.ts";
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../gen/grpc/reflection/v1/reflection_pb.ts";
import { oncePer } from "../once-per.ts";
import { tooLarge } from "./bodies.ts";
import type { Credentials } from "./callers/credentials.ts";
import { decodeMessage } from "./codec.ts";
import { rawMethod } from "./grpc-adapter.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import { Code, statusOf } from "./interceptors/status.ts";
import { openCallOf } from "./open-call.ts";

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;

/** The files of the services and all that they import, as maps from the names that a client may ask for. */
const createIndex = (services: readonly DescService[]) => {
  const byName = new Map<string, DescFile>();
  const bySymbol = new Map<string, DescFile>();
  const byExtension = new Map<string, Map<number, DescFile>>();

  const add = (file: DescFile): void => {
    if (byName.has(file.proto.name)) return;
    byName.set(file.proto.name, file);
    for (const type of nestedTypes(file)) {
      bySymbol.set(type.typeName, file);
      if (type.kind === "service") {
        for (const { name } of type.methods) bySymbol.set(`${type.typeName}.${name}`, file);
      } else if (type.kind === "extension") {
        const numbers = byExtension.get(type.extendee.typeName) ?? new Map<number, DescFile>();
        byExtension.set(type.extendee.typeName, numbers.set(type.number, file));
      }
    }
    file.dependencies.forEach(add);
  };
  for (const { file } of services) add(file);
  // No RPC names them, but the details of errors hold them: a client that has them can show an error whole.
  add(file_google_rpc_error_details);
  return { byName, bySymbol, byExtension };
};

/** Encodes a file, once for all who ask for it. */
const encode = oncePer((file: DescFile): Uint8Array => toBinary(FileDescriptorProtoSchema, file.proto));

const fileAnswer = (file: DescFile | undefined): Answer =>
  // Clients ask for the imports one by one, by name.
  file === undefined ? notFound : { case: "fileDescriptorResponse", value: { fileDescriptorProto: [encode(file)] } };

const notFound: Answer = {
  case: "errorResponse",
  value: { errorCode: Code.NOT_FOUND, errorMessage: "There is no such name." },
};

/** Answers one reflection request from the descriptors of the generated code. */
const createReflector = (services: readonly DescService[]) => {
  const { byName, bySymbol, byExtension } = createIndex(services);
  return ({ messageRequest: asked }: ServerReflectionRequest): Answer => {
    switch (asked.case) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: services.map(({ typeName }) => ({ name: typeName })) } };
      case "fileByFilename":
        return fileAnswer(byName.get(asked.value));
      case "fileContainingSymbol":
        return fileAnswer(bySymbol.get(asked.value));
      case "fileContainingExtension":
        return fileAnswer(byExtension.get(asked.value.containingType)?.get(asked.value.extensionNumber));
      case "allExtensionNumbersOfType": {
        if (!bySymbol.has(asked.value)) return notFound;
        const extensionNumber = [...(byExtension.get(asked.value)?.keys() ?? [])];
        return { case: "allExtensionNumbersResponse", value: { baseTypeName: asked.value, extensionNumber } };
      }
      case undefined:
        return {
          case: "errorResponse",
          value: { errorCode: Code.INVALID_ARGUMENT, errorMessage: "The request asks for nothing." },
        };
    }
  };
};

/** The most streams of reflection at once: tools that ask and go. */
const maxStreams = 16;

/** The time in which the next request has to come, and the answer before it to be taken, in milliseconds. */
const idleMs = 10_000;

/** The most bytes of a request. Names are shorter, and the answer repeats it. */
const maxRequestBytes = 1_024;

type Bytes = Uint8Array;

const tooIdle = () => new DomainError("DeadlineExceeded", "DEADLINE_PASSED", "Nothing has moved on the stream for too long.");

/** Writes an answer, and waits until the client has taken it. */
const write = (call: ServerDuplexStream<Bytes, Bytes>, bytes: Bytes): Promise<void> =>
  new Promise((resolve, reject) => {
    const gone = () => reject(new Error("The stream has ended."));
    call.once("close", gone);
    call.write(bytes, (error?: Error | null) => {
      call.off("close", gone);
      if (error) reject(error);
      else resolve();
    });
  });

/** The options of `addReflection`. */
export type ReflectionOptions = {
  readonly services: readonly DescService[];
  /** Throws an error for a call that may not use reflection; undefined = everybody may. */
  readonly admit: ((credentials: Credentials) => unknown) | undefined;
};

/** Adds server reflection, v1 and v1alpha, to a gRPC server, outside the interceptors: the API is public, and tools may have no credentials. */
export const addReflection = (server: Server, { services, admit }: ReflectionOptions): void => {
  const reflect = createReflector(services);
  let streams = 0;

  const answerTo = (bytes: Bytes): Bytes => {
    if (bytes.length > maxRequestBytes) throw tooLarge(maxRequestBytes);
    const originalRequest = decodeMessage(ServerReflectionRequestSchema, bytes);
    const messageResponse = reflect(originalRequest);
    const response = create(ServerReflectionResponseSchema, { validHost: originalRequest.host, originalRequest, messageResponse });
    return toBinary(ServerReflectionResponseSchema, response);
  };

  /** Answers one request after the other: the next one is read when the client has taken the answer before it. */
  const serve = async (call: ServerDuplexStream<Bytes, Bytes>): Promise<void> => {
    const idle = new AbortController();
    const timer = setTimeout(() => {
      idle.abort();
      call.destroy();
    }, idleMs);
    try {
      for await (const bytes of call as AsyncIterable<Bytes>) {
        await write(call, answerTo(bytes));
        timer.refresh();
      }
    } catch (error) {
      throw idle.signal.aborted ? tooIdle() : error;
    } finally {
      clearTimeout(timer);
    }
  };

  const info: handleBidiStreamingCall<Bytes, Bytes> = async (call) => {
    const open = openCallOf(call.metadata);
    try {
      admit?.(open.credentials());
      if (streams >= maxStreams) throw exhausted("OVERLOADED", "Too many use reflection now.", { retryAfterMs: 1_000 });
    } catch (error) {
      open.sendStatus(toGrpcStatus(statusOf(error as DomainError)));
      return;
    }
    streams += 1;
    call.once("cancelled", () => {
      streams -= 1;
    });
    try {
      await serve(call);
      call.end();
    } catch (error) {
      if (error instanceof DomainError) open.sendStatus(toGrpcStatus(statusOf(error)));
    }
    open.answered();
  };
  const both = { requestStream: true, responseStream: true };
  for (const version of ["v1", "v1alpha"]) {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    server.addService({ info: rawMethod(path, both) }, { info });
  }
};
