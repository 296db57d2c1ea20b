import { type DescFile, type DescService, getOption } from "@bufbuild/protobuf";
import { AlertService } from "../../gen/userd/kinds/v1/alert_service_pb.ts";
import { AssistantService } from "../../gen/userd/kinds/v1/assistant_service_pb.ts";
import { BillingService } from "../../gen/userd/kinds/v1/billing_service_pb.ts";
import { CredentialService } from "../../gen/userd/kinds/v1/credential_service_pb.ts";
import { EventService } from "../../gen/userd/kinds/v1/event_service_pb.ts";
import { IntegrationService } from "../../gen/userd/kinds/v1/integration_service_pb.ts";
import { MonitorService } from "../../gen/userd/kinds/v1/monitor_service_pb.ts";
import { ReleaseService } from "../../gen/userd/kinds/v1/release_service_pb.ts";
import { family } from "../../gen/userd/v1/kind_pb.ts";

/**
 * The services of the built-in families (a family is the kinds of one proto file). A new family needs no TypeScript other than an entry here.
 */
export const families: readonly DescService[] = [
  ReleaseService,
  MonitorService,
  IntegrationService,
  AlertService,
  EventService,
  AssistantService,
  CredentialService,
  BillingService,
];

/** The proto files that declare the kinds of the built-in families. */
export const familyFiles: readonly DescFile[] = families.flatMap(({ name, file }) =>
  file.dependencies.filter((one) => getOption(one, family).service === name),
);
