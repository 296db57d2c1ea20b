import { type DescFile, type DescService, hasOption } from "@bufbuild/protobuf";
import { AlertService } from "../../gen/userd/kinds/v1/alert_service_pb.ts";
import { IntegrationService } from "../../gen/userd/kinds/v1/integration_service_pb.ts";
import { MonitorService } from "../../gen/userd/kinds/v1/monitor_service_pb.ts";
import { ReleaseService } from "../../gen/userd/kinds/v1/release_service_pb.ts";
import { family } from "../../gen/userd/v1/kind_pb.ts";

/** The services of the families (a family is the kinds of one proto file) that are served. A family needs no more TypeScript than this. */
export const families: readonly DescService[] = [ReleaseService, MonitorService, IntegrationService, AlertService];

/** The proto files that declare the kinds of the families that are served. */
export const familyFiles: readonly DescFile[] = families.flatMap(({ file }) => file.dependencies.filter((one) => hasOption(one, family)));
