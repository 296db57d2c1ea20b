import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { OrganizationStatus } from "../../src/gen/userd/v1/organization_pb.ts";
import { createOrganization, createProject, createTeam, createUser, unique } from "../support/build.ts";
import type { ClientKind } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import type { ServiceTest } from "../support/service.ts";

const mask = (...paths: string[]) => create(FieldMaskSchema, { paths });

/** The behaviours of organizations, projects and teams, through one kind of client, over whatever database `test` brings. */
export const organizationCases = (test: ServiceTest, kind: ClientKind): void => {
  test("an organization is created with its owner, and found by id and by slug", async ({ clients }) => {
    const { organizations } = clients[kind];
    const { id: ownerUserId } = await createUser(clients[kind]);
    const name = unique("Ácmé Würste & Co ");
    const organization = await createOrganization(clients[kind], { name }, ownerUserId);
    expect(organization).toMatchObject({ name, status: OrganizationStatus.ACTIVE, openMembership: true, flags: 0n, etag: "1" });
    const { organization: closed } = await organizations.updateOrganization({
      organization: { id: organization.id, openMembership: false },
    });
    expect(closed).toEqual({ ...organization, openMembership: false, etag: "2" });
    await organizations.updateOrganization({ organization: { id: organization.id, openMembership: false } });
    const { organization: open } = await organizations.updateOrganization({ organization: { id: organization.id, openMembership: true } });
    expect(open).toEqual({ ...organization, etag: "3" });
    expect(organization.slug).toBe(name.toLowerCase().replace("ácmé würste & co ", "acme-wurste-co-"));
    expect((await organizations.getOrganization({ key: { case: "id", value: organization.id } })).organization).toEqual(open);
    const bySlug = await organizations.getOrganization({ key: { case: "slug", value: organization.slug ?? "" } });
    expect(bySlug.organization).toEqual(open);
    const { members } = await organizations.listMembers({ organizationId: organization.id });
    expect(members).toMatchObject([{ userId: ownerUserId, role: MemberRole.OWNER }]);
  });

  test("what is deleted is hidden, keeps its slug, and comes back", async ({ clients }) => {
    const { organizations } = clients[kind];
    const { id, slug = "", etag } = await createOrganization(clients[kind]);
    const checked = await organizations.deleteOrganization({ id, validateOnly: true });
    expect(checked.organization?.status).toBe(OrganizationStatus.DELETED);
    await expectRefusal(organizations.deleteOrganization({ id, etag: "7" }), "Aborted", "ETAG_MISMATCH");
    const { organization, consistencyToken } = await organizations.deleteOrganization({ id, etag });
    expect(organization).toMatchObject({ id, slug, status: OrganizationStatus.DELETED });
    expect(Number(organization?.purgeTime?.seconds) - Number(organization?.deleteTime?.seconds)).toBe(30 * 24 * 3_600);
    const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
    const seen = await organizations.getOrganization({ key: { case: "id", value: id }, consistency });
    expect(seen.organization).toEqual(organization);
    await Promise.all(
      [
        organizations.deleteOrganization({ id }),
        organizations.updateOrganization({ organization: { id, name: "late" } }),
        organizations.createProject({ project: { organizationId: id, name: "late" } }),
        organizations.createTeam({ team: { organizationId: id, name: "late" } }),
        organizations.inviteMember({ organizationId: id, email: "a@example.com", role: MemberRole.MEMBER }),
        organizations.removeMember({ organizationId: id, member: { case: "memberId", value: 1n } }),
      ].map((refused) => expectRefusal(refused, "FailedPrecondition", "ORGANIZATION_DELETED")),
    );
    await expectRefusal(organizations.createOrganization({ organization: { name: "x", slug } }), "AlreadyExists", "SLUG_TAKEN");
    const { organization: restored } = await organizations.undeleteOrganization({ id });
    expect(restored).toMatchObject({ id, slug, status: OrganizationStatus.ACTIVE });
    expect(restored?.deleteTime).toBeUndefined();
    expect((await organizations.undeleteOrganization({ id })).organization?.etag).toBe(restored?.etag);
  });

  test("an update writes what the mask names, and an equal value nothing", async ({ clients }) => {
    const { organizations } = clients[kind];
    const before = await createOrganization(clients[kind]);
    const { id } = before;
    const { organization: same } = await organizations.updateOrganization({ organization: { id, name: before.name, slug: before.slug } });
    expect(same).toEqual(before);
    const slug = unique("s-");
    const { organization } = await organizations.updateOrganization({
      organization: { id, name: "ignored", slug, status: OrganizationStatus.HIDDEN, etag: before.etag },
      updateMask: mask("slug", "status", "create_time"),
    });
    expect(organization).toMatchObject({ name: before.name, slug, status: OrganizationStatus.HIDDEN, etag: "2" });
    const stale = await expectRefusal(
      organizations.updateOrganization({ organization: { id, name: "x", etag: "1" } }),
      "Aborted",
      "ETAG_MISMATCH",
    );
    expect(stale.info?.metadata["etag"]).toBe("2");
    for (const organization of [
      { id, slug: "" },
      { id, name: " " },
      { id, status: OrganizationStatus.DELETED },
    ]) {
      await expectRefusal(organizations.updateOrganization({ organization }), "InvalidArgument", "FIELD_INVALID");
    }
    const other = await createOrganization(clients[kind]);
    await expectRefusal(organizations.updateOrganization({ organization: { id, slug: other.slug } }), "AlreadyExists", "SLUG_TAKEN");
  });

  test("projects and teams live in their organization, by slugs that are unique there", async ({ clients }) => {
    const { organizations } = clients[kind];
    const [one, two] = [await createOrganization(clients[kind]), await createOrganization(clients[kind])];
    const slug = unique("same-");
    for (const organizationId of [one.id, two.id]) {
      const { project } = await organizations.createProject({ project: { organizationId, name: "P", slug } });
      const { team } = await organizations.createTeam({ team: { organizationId, name: "T", slug } });
      const key = { case: "slug" as const, value: { organizationId, slug } };
      expect((await organizations.getProject({ key })).project).toEqual(project);
      expect((await organizations.getTeam({ key })).team).toEqual(team);
      expect((await organizations.getProject({ key: { case: "id", value: project?.id ?? 0n } })).project).toEqual(project);
      expect((await organizations.getTeam({ key: { case: "id", value: team?.id ?? 0n } })).team).toEqual(team);
    }
    const again = { organizationId: one.id, name: "P", slug };
    await expectRefusal(organizations.createProject({ project: again }), "AlreadyExists", "SLUG_TAKEN");
    await expectRefusal(organizations.createTeam({ team: again }), "AlreadyExists", "SLUG_TAKEN");
    const { projects } = await organizations.listProjects({ organizationId: one.id });
    expect(projects).toMatchObject([{ slug, organizationId: one.id }]);
    const [{ id = 0n, etag = "" } = {}] = projects;
    const { project } = await organizations.updateProject({ project: { id, name: "Renamed", organizationId: two.id, etag } });
    expect(project).toMatchObject({ name: "Renamed", organizationId: one.id, etag: "2" });
    await organizations.deleteProject({ id });
    expect((await organizations.listProjects({ organizationId: one.id })).projects).toEqual([]);
    expect((await organizations.listProjects({ organizationId: one.id, showDeleted: true })).projects).toHaveLength(1);
    await expectRefusal(organizations.updateProject({ project: { id, name: "x" } }), "FailedPrecondition", "PROJECT_DELETED");
    await organizations.undeleteProject({ id });
    await organizations.purgeProject({ id, validateOnly: true });
    expect((await organizations.getProject({ key: { case: "id", value: id } })).project?.name).toBe("Renamed");
    await organizations.purgeProject({ id });
    await expectRefusal(organizations.getProject({ key: { case: "id", value: id } }), "NotFound", "PROJECT_NOT_FOUND");
  });

  test("a team is changed, deleted, restored and purged; its projects and members stay", async ({ clients }) => {
    const { organizations } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const { id: organizationId } = await createOrganization(clients[kind], {}, userId);
    const { id: projectId } = await createProject(clients[kind], organizationId);
    const { id } = await createTeam(clients[kind], organizationId);
    expect((await organizations.updateTeam({ team: { id, name: "Renamed" } })).team).toMatchObject({ name: "Renamed", etag: "2" });
    await organizations.addTeamMember({ teamId: id, member: { case: "userId", value: userId } });
    await organizations.addProjectTeam({ projectId, teamId: id });
    await organizations.deleteTeam({ id });
    await expectRefusal(organizations.addProjectTeam({ projectId, teamId: id }), "FailedPrecondition", "TEAM_DELETED");
    await expectRefusal(organizations.updateTeam({ team: { id, name: "x" } }), "FailedPrecondition", "TEAM_DELETED");
    await organizations.undeleteTeam({ id });
    expect((await organizations.listTeams({ organizationId })).teams).toMatchObject([{ id }]);
    await organizations.purgeTeam({ id });
    await expectRefusal(organizations.getTeam({ key: { case: "id", value: id } }), "NotFound", "TEAM_NOT_FOUND");
    expect((await organizations.getProject({ key: { case: "id", value: projectId } })).project?.teamIds).toEqual([]);
    expect((await organizations.listMembers({ organizationId })).members).toMatchObject([{ userId, teamIds: [] }]);
  });

  test("a request_id makes a retry safe", async ({ clients }) => {
    const { organizations } = clients[kind];
    const request = { organization: { name: unique("Retried ") }, requestId: randomUUID() };
    const [first, second] = [await organizations.createOrganization(request), await organizations.createOrganization(request)];
    expect(second).toEqual(first);
    await expectRefusal(
      organizations.createOrganization({ ...request, organization: { name: "another" } }),
      "InvalidArgument",
      "REQUEST_ID_REUSED",
    );
  });
};
