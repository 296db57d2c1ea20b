import { sql } from "kysely";
import type { Operation } from "../../../src/call.ts";
import { type Sized, withinPage } from "../../../src/db/page.ts";
import type { Tx } from "../../../src/db/write.ts";
import type { Dependencies } from "../../../src/dependencies.ts";
import { invalidField, notFound } from "../../../src/errors.ts";
import { type Release, ReleaseStatus } from "../../../src/gen/userd/kinds/v1/release_pb.ts";
import { ListReleasesRequestSchema, ReleaseService } from "../../../src/gen/userd/kinds/v1/release_service_pb.ts";
import { momentOf } from "../../../src/moment.ts";
import { jsonOf, toValue, wireBytes } from "../../../src/options/value.ts";
import { kindsAggregate } from "../../../src/versions/aggregate.ts";
import { type ReleaseRow, releaseColumns, toRelease } from "./release.ts";

const method = ReleaseService.method;

/** The one filter that the list by hand knows. */
export const filter = "status == RELEASE_STATUS_OPEN && commit_count >= 10";

/** GetRelease as somebody would write it without the engine of kinds. */
export const getRelease =
  ({ db, freshness }: Dependencies): Operation<typeof method.getRelease> =>
  async (call, { key, consistency }) => {
    await freshness.check(call, consistency);
    const which =
      key.case === "version"
        ? sql`r.organization_id = ${key.value.organizationId} and r.version = ${key.value.version}`
        : sql`r.id = ${key.value}`;
    const row = await db.session(call).row(sql<ReleaseRow>`select ${releaseColumns} from release r where ${which}`);
    if (row === undefined) throw notFound("RESOURCE_NOT_FOUND", "There is no such release.", { metadata: { kind: "release" } });
    return { release: toRelease(row) };
  };

/**
 * ListReleases as somebody would write it without the engine of kinds who has seen slow pages: by id, and with `filter` or none. Ordered by the id alone,
 * PostgreSQL walks the primary key, through the releases of all organizations.
 */
export const listReleases =
  ({ db, freshness, pager }: Dependencies): Operation<typeof method.listReleases> =>
  async (call, request) => {
    const page = pager(call, ListReleasesRequestSchema, request);
    await freshness.check(call, request.consistency);
    const isShown = request.showDeleted ? sql`true` : sql`r.delete_time is null`;
    const isMet = request.filter === filter ? sql`r.status = ${1}::smallint and r.commit_count >= ${"10"}::bigint` : sql`true`;
    const found = await db.session(call).rows(
      withinPage(sql<(ReleaseRow & Sized) | { readonly id: null }>`
        select q.*, octet_length(q.version) + octet_length(q.ref) + octet_length(q.url) + coalesce(octet_length(q.data::text), 0)
          + 11 * cardinality(q.project_ids) as bytes
        from organization p left join lateral (
          select ${releaseColumns} from release r
          where (r.organization_id, r.id) > (p.id, ${page.after?.[0] ?? "0"}::bigint) and r.organization_id <= p.id and ${isShown} and ${isMet}
          order by r.organization_id, r.id limit ${page.size + 1}
        ) q on true where p.id = ${request.organizationId} order by q.id`),
    );
    if (found.length === 0) throw notFound("REFERENCE_NOT_FOUND", "organization_id names what does not exist.");
    const releases = found.filter((row): row is ReleaseRow & Sized => row.id !== null);
    const { rows, nextPageToken } = page.cut(
      releases,
      ({ id }) => [id],
      ({ bytes, data }) => bytes + (data === null ? 0 : wireBytes(data)),
    );
    return { releases: rows.map(toRelease), nextPageToken };
  };

const requireReferences = async (tx: Tx, { organizationId, projectIds, ownerUserId }: Release): Promise<void> => {
  const row = await tx.row(sql<{ name: string }>`
    select 'organization_id' as name where not exists (
      select from organization r where r.id = ${organizationId} and r.delete_time is null)
    union all select 'owner_user_id' where ${ownerUserId ?? null}::bigint is not null and not exists (
      select from users r where r.id = ${ownerUserId ?? null}::bigint and r.delete_time is null)
    union all select 'project_ids' where exists (
      select from unnest(${projectIds.map(String)}::bigint[]) as w (id) where not exists (
        select from project r where r.id = w.id and r.organization_id = ${organizationId} and r.delete_time is null))
    limit 1`);
  if (row !== undefined) throw notFound("REFERENCE_NOT_FOUND", `release.${row.name} names what does not exist.`);
};

const insert = async (tx: Tx, release: Release): Promise<ReleaseRow> => {
  const { organizationId, version, status = ReleaseStatus.OPEN, ownerUserId = null, ref = "", url = "", data } = release;
  const { startTime, releaseTime, commitCount = 0n } = release;
  const row = await tx.one(sql<ReleaseRow>`
    with r as (insert into release (organization_id, version, status, owner_user_id, ref, url, data, start_time, release_time, commit_count)
    values (${organizationId}, ${version}, ${status || ReleaseStatus.OPEN}, ${ownerUserId}, ${ref}, ${url},
      ${data === undefined ? null : jsonOf(toValue(data), "release.data")}::jsonb, ${startTime === undefined ? null : momentOf(startTime)},
      ${releaseTime === undefined ? null : momentOf(releaseTime)}, ${commitCount})
    returning *) select ${releaseColumns} from r`);
  if (release.projectIds.length === 0) return row;
  await tx.rows(sql`
    insert into release_project (organization_id, release_id, project_id)
    select ${organizationId}::bigint, ${row.id}::bigint, w.id from unnest(${release.projectIds.map(String)}::bigint[]) as w (id) order by w.id`);
  return tx.one(sql<ReleaseRow>`select ${releaseColumns} from release r where r.id = ${row.id}`);
};

/** CreateRelease as somebody would write it without the engine of kinds. */
export const createRelease =
  ({ write }: Dependencies): Operation<typeof method.createRelease> =>
  (call, request) => {
    const { release } = request;
    if (release === undefined) throw invalidField("release", "is required");
    if (release.organizationId === 0n) throw invalidField("release.organization_id", "is required");
    if (release.version === undefined) throw invalidField("release.version", "is required");
    const aggregates = [kindsAggregate(release.organizationId)];
    return write(call, { method: method.createRelease, request, aggregates }, async (tx) => {
      await requireReferences(tx, release);
      return { release: toRelease(await insert(tx, release)) };
    });
  };
