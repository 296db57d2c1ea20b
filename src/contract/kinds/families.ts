import { type DescFile, type DescService, hasOption } from "@bufbuild/protobuf";
import { ReleaseService } from "../../gen/userd/kinds/v1/release_service_pb.ts";
import { family } from "../../gen/userd/v1/kind_pb.ts";

/** The services of the families of kinds that are served: this line is all that a family has in TypeScript. */
export const families: readonly DescService[] = [ReleaseService];

/** The proto files that declare the kinds of the families that are served. */
export const familyFiles: readonly DescFile[] = families.flatMap(({ file }) => file.dependencies.filter((one) => hasOption(one, family)));
