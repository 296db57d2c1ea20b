import { createClient } from "@connectrpc/connect";
import { expect } from "vitest";
import { ReleaseStatus } from "../../src/gen/userd/kinds/v1/release_pb.ts";
import { ReleaseService } from "../../src/gen/userd/kinds/v1/release_service_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { createOrganization, createProject } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { createGrpcJsTransport } from "../support/grpc-js-transport.ts";
import { test as base } from "../support/service.ts";

const test = base.extend("releases", async ({ service }, { onCleanup }) => {
  const transport = createGrpcJsTransport(formatAddress(service.grpcAddress), 30_000);
  onCleanup(() => transport.close());
  return createClient(ReleaseService, transport);
});

test("a release is made, found by its version, archived, deleted, restored and purged", async ({ releases, clients }) => {
  const { id: organizationId } = await createOrganization(clients["grpc-js"]);
  const project = await createProject(clients["grpc-js"], organizationId);
  const { release } = await releases.createRelease({ release: { organizationId, version: "web@1.0", projectIds: [project.id] } });
  expect(release).toMatchObject({ organizationId, version: "web@1.0", status: ReleaseStatus.OPEN, projectIds: [project.id] });
  const id = release?.id ?? 0n;
  const byVersion = { key: { case: "version" as const, value: { organizationId, version: "web@1.0" } } };
  expect((await releases.getRelease(byVersion)).release).toEqual(release);
  const { release: archived } = await releases.updateRelease({ release: { id, status: ReleaseStatus.ARCHIVED } });
  expect(archived?.status).toBe(ReleaseStatus.ARCHIVED);
  expect((await releases.batchGetReleases({ ids: [id] })).releases).toEqual([archived]);
  expect((await releases.listReleases({ organizationId })).releases).toEqual([archived]);
  await releases.deleteRelease({ id, etag: archived?.etag ?? "" });
  expect((await releases.listReleases({ organizationId })).releases).toEqual([]);
  await expectRefusal(releases.createRelease({ release: { organizationId, version: "web@1.0" } }), "AlreadyExists", "RESOURCE_TAKEN");
  expect((await releases.undeleteRelease({ id })).release).toMatchObject({ id, version: "web@1.0" });
  await releases.purgeRelease({ id });
  await expectRefusal(releases.getRelease(byVersion), "NotFound", "RESOURCE_NOT_FOUND");
});

test("a version is none of the words and characters that paths give a meaning to", async ({ releases, clients }) => {
  const { id: organizationId } = await createOrganization(clients["grpc-js"]);
  for (const version of ["", ".", "..", "latest", "a/b", "a\\b", "a\nb", "a\tb", "x".repeat(251)]) {
    const refused = await expectRefusal(
      releases.createRelease({ release: { organizationId, version } }),
      "InvalidArgument",
      "FIELD_INVALID",
    );
    expect([...new Set(refused.fields)], JSON.stringify(version)).toEqual(["release.version"]);
  }
});

test("files and deploys are part of a release: they are found by it, change, and go with it", async ({ releases, clients }) => {
  const { id: organizationId } = await createOrganization(clients["grpc-js"]);
  const releaseId = (await releases.createRelease({ release: { organizationId, version: "web@2.0" } })).release?.id ?? 0n;
  const ident = "a".repeat(40);
  const { releaseFile } = await releases.createReleaseFile({ releaseFile: { releaseId, ident, name: "~/app.js.map", size: 7n } });
  expect(releaseFile).toMatchObject({ organizationId, releaseId, ident, size: 7n });
  const { deploy } = await releases.createDeploy({ deploy: { releaseId, name: "blue", notified: false } });
  expect(deploy).toMatchObject({ organizationId, releaseId, name: "blue" });
  const [fileId, deployId] = [releaseFile?.id ?? 0n, deploy?.id ?? 0n];

  const { releaseFile: renamed } = await releases.updateReleaseFile({ releaseFile: { id: fileId, name: "~/main.js.map" } });
  expect((await releases.getReleaseFile({ key: { case: "ident", value: { releaseId, ident } } })).releaseFile).toEqual(renamed);
  expect((await releases.batchGetReleaseFiles({ ids: [fileId] })).releaseFiles).toEqual([renamed]);
  expect((await releases.listReleaseFiles({ releaseId })).releaseFiles).toEqual([renamed]);
  const { deploy: notified } = await releases.updateDeploy({ deploy: { id: deployId, notified: true } });
  expect((await releases.getDeploy({ key: { case: "id", value: deployId } })).deploy).toEqual(notified);
  expect((await releases.batchGetDeploys({ ids: [deployId] })).deploys).toEqual([notified]);
  expect((await releases.listDeploys({ releaseId })).deploys).toEqual([notified]);

  await releases.deleteReleaseFile({ id: fileId });
  expect((await releases.listReleaseFiles({ releaseId })).releaseFiles).toEqual([]);
  const { deploy: second } = await releases.createDeploy({ deploy: { releaseId, name: "green" } });
  await releases.deleteDeploy({ id: second?.id ?? 0n });
  await releases.purgeRelease({ id: releaseId });
  await expectRefusal(releases.getDeploy({ key: { case: "id", value: deployId } }), "NotFound", "RESOURCE_NOT_FOUND");
});
