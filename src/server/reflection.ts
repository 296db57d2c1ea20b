import { create, type DescFile, type DescService, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { handleBidiStreamingCall, Server } from "@grpc/grpc-js";
import type { DomainError } from "../errors.ts";
import { file_google_rpc_error_details } from "../gen/google/rpc/error_details_pb.ts";
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../gen/grpc/reflection/v1/reflection_pb.ts";
import { decodeMessage } from "./codec.ts";
import { rawMethod } from "./grpc-adapter.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import { Code, statusOf } from "./interceptors/status.ts";

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

const fileAnswer = (file: DescFile | undefined): Answer =>
  file === undefined
    ? notFound
    : {
        case: "fileDescriptorResponse",
        // Clients ask for the imports one by one, by name.
        value: { fileDescriptorProto: [toBinary(FileDescriptorProtoSchema, file.proto)] },
      };

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

/** Adds server reflection, v1 and v1alpha, to a gRPC server, outside the interceptors: the API is public, and tools have no credentials. */
export const addReflection = (server: Server, services: readonly DescService[]): void => {
  const reflect = createReflector(services);
  const info: handleBidiStreamingCall<Uint8Array, Uint8Array> = (call) => {
    call.on("data", (bytes: Uint8Array) => {
      try {
        const originalRequest = decodeMessage(ServerReflectionRequestSchema, bytes);
        const response = create(ServerReflectionResponseSchema, {
          validHost: originalRequest.host,
          originalRequest,
          messageResponse: reflect(originalRequest),
        });
        call.write(toBinary(ServerReflectionResponseSchema, response));
      } catch (error) {
        call.emit("error", toGrpcStatus(statusOf(error as DomainError)));
      }
    });
    call.on("end", () => call.end());
  };
  const streams = { requestStream: true, responseStream: true };
  for (const version of ["v1", "v1alpha"]) {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    server.addService({ info: rawMethod(path, streams) }, { info });
  }
};
