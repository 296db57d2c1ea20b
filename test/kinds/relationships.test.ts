import { expect } from "vitest";
import { kinds } from "../../src/schema/entities.ts";
import { createOrganization } from "../support/build.ts";
import { test } from "../support/service.ts";
import { get } from "./asking.ts";
import { callerOf, makerOf, type Shown } from "./maker.ts";

const kindOf = (name: string) => kinds.find((kind) => kind.name === name) as (typeof kinds)[number];

test("from an alert a client comes to its event and its issue, and from an event to its group, its release, its files and its project", async ({
  clients,
}) => {
  const client = clients["grpc-js"];
  const { id: organizationId } = await createOrganization(client);
  const makers = async (name: string) => makerOf(client, kindOf(name), organizationId);
  const [groups, releases, alerts] = [await makers("group"), await makers("release"), await makers("alert")];
  const [group, release] = [await groups.create(), await releases.create()];
  const { parentId: projectId } = groups;
  const eventId = crypto.randomUUID().replaceAll("-", "");
  const { call } = callerOf(client, kindOf("event"));
  await call("Append", { events: [{ projectId, eventId, groupId: group.id, releaseId: release.id }] });
  const { call: callFiles } = callerOf(client, kindOf("event_attachment"));
  const { eventAttachment } = await callFiles("Create", { eventAttachment: { projectId, eventId, name: "dump" } });
  const { id } = await alerts.create({ eventId, issueId: group.id, projectIds: [projectId] });

  const alert = await get(alerts, id);
  const [issueProject = 0n] = alert["projectIds"] as bigint[];
  const answer = await call("Get", {
    key: { case: "eventId", value: { projectId: issueProject, eventId: alert["eventId"] } },
    expand: ["project_id", "organization_id"],
  });
  const event = answer["event"] as Shown;
  expect(answer["expanded"]).toMatchObject({ projects: [{ id: projectId }], organizations: [{ id: organizationId }] });
  const batch = async ({ call: ask, several }: typeof groups, ...ids: unknown[]) => (await ask("BatchGet", { ids }))[several];
  expect(await batch(groups, alert["issueId"])).toEqual(await batch(groups, event["groupId"]));
  expect(await batch(groups, event["groupId"])).toMatchObject([{ id: group.id, timesSeen: (group["timesSeen"] as bigint) + 1n }]);
  expect(await batch(releases, event["releaseId"])).toEqual([release]);
  const files = await callFiles("List", { projectId, filter: `event_id == "${eventId}"` });
  expect(files["eventAttachments"]).toEqual([eventAttachment]);

  // None of them is held there by what names it.
  await releases.call("Purge", { id: release.id });
  await groups.call("Purge", { id: group.id });
  expect([await batch(releases, event["releaseId"]), await batch(groups, alert["issueId"])]).toEqual([[], []]);
  expect(await get(alerts, id)).toEqual(alert);
});
