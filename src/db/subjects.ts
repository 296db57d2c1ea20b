import { sql } from "kysely";
import type { Notification } from "../versions/notification.ts";
import type { Subject, VersionedSubject } from "../versions/subject.ts";
import type { Session } from "./session.ts";

const ascending = (a: Subject, b: Subject): number =>
  a.kind === b.kind ? (a.id < b.id ? -1 : a.id > b.id ? 1 : 0) : a.kind < b.kind ? -1 : 1;

const subjectArrays = (subjects: readonly Subject[]) =>
  sql`unnest(${subjects.map(({ kind }) => kind)}::text[], ${subjects.map(({ id }) => String(id))}::bigint[])`;

/**
 * Locks version rows in ascending order; unsorted locks deadlock. Subjects without a row get one, of version 0 and of no
 * transaction: this one has still to move it.
 */
export const lockSubjects = async (tx: Session, subjects: readonly Subject[]): Promise<void> => {
  if (subjects.length === 0) return;
  const wanted = subjectArrays([...subjects].sort(ascending));
  const lock = () =>
    tx.rows(sql`select from subject_version s
      where (s.kind, s.id) in (select kind, id from ${wanted} as w (kind, id))
      order by s.kind, s.id for update`);
  const rows = await lock();
  if (rows.length === subjects.length) return;
  await tx.rows(sql`insert into subject_version (kind, id, version, xid)
    select kind, id, 0, '0'::xid8 from ${wanted} as w (kind, id) order by kind, id
    on conflict (kind, id) do nothing`);
  await lock();
};

/** Whether the version that a subject has now is known already. */
export const isVersioned = (subject: Subject | VersionedSubject): subject is VersionedSubject => "version" in subject;

/** What the write has moved, at the versions that its commit will show. */
export const versionsOf = async (tx: Session, touched: readonly (Subject | VersionedSubject)[]): Promise<Notification> => {
  const subjects = touched.filter((subject) => !isVersioned(subject));
  const rows = await tx.rows(sql<VersionedSubject & { epoch: string }>`
    select e.epoch, w.kind, w.id, coalesce(s.version, 0) as version
    from (select current_epoch() as epoch offset 0) e left join ${subjectArrays(subjects)} as w (kind, id) on true
    left join subject_version s on s.kind = w.kind and s.id = w.id`);
  const read = rows.flatMap(({ kind, id, version }) => (kind === null ? [] : [{ kind, id, version }]));
  return { epoch: rows[0]?.epoch ?? "", subjects: [...read, ...touched.filter(isVersioned)] };
};
