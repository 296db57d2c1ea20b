import { create, createRegistry, toJson } from "@bufbuild/protobuf";
import { type DescriptorProto, FileDescriptorProtoSchema, type ServiceDescriptorProto } from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { expect, test } from "vitest";
import { families } from "../../src/contract/kinds/families.ts";
import { file_google_api_field_behavior } from "../../src/gen/google/api/field_behavior_pb.ts";
import { file_userd_v1_options } from "../../src/gen/userd/v1/options_pb.ts";
import { describeService } from "../../src/kinds/service/descriptor.ts";
import { messageNames } from "../../src/kinds/service/service.ts";
import { kinds } from "../../src/schema/entities.ts";

/** The options that fields and methods can have. */
const registry = createRegistry(file_buf_validate_validate, file_google_api_field_behavior, file_userd_v1_options);

/** What a file has of messages and services, with options by their names. */
const contentOf = (messages: readonly DescriptorProto[], services: readonly ServiceDescriptorProto[]) =>
  toJson(FileDescriptorProtoSchema, create(FileDescriptorProtoSchema, { messageType: [...messages], service: [...services] }), {
    registry,
  });

test.for(families.map((service) => [service.name, service] as const))(
  "%s is described at run time as in its generated proto file",
  ([name, { file }]) => {
    const ofFamily = kinds.filter(({ service }) => service === name);
    const [kind] = ofFamily;
    if (kind === undefined) throw new Error(`${name} has no kinds`);
    const { proto } = describeService(kind.file, name, ofFamily).file;
    expect(proto.name).toBe(file.proto.name);
    expect(ofFamily.flatMap(messageNames)).toEqual(proto.messageType.map((message) => message.name));
    expect(contentOf(proto.messageType, proto.service)).toEqual(contentOf(file.proto.messageType, file.proto.service));
  },
);
