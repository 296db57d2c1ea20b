import { create, type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { isMounted, type Kind, MOUNTED_SCHEMA } from "../../contract/kinds/kind.ts";
import type { Database } from "../../db/orm.ts";
import type { Session } from "../../db/session.ts";
import { StartupError } from "../../db/startup-error.ts";
import type { KindSet } from "../../schema/kind-set.ts";
import { compareSets } from "./compatible.ts";
import { APPLIED, readMounted } from "./load.ts";
import { readSet } from "./read-set.ts";

const TABLE = `${MOUNTED_SCHEMA}.${APPLIED}`;

/** Returns the mounted kinds of a `KindSet`. */
export const mountedKinds = ({ kinds }: KindSet): readonly Kind[] => kinds.filter(isMounted);

/** Reads the mounted kinds that the last `userd kinds apply` recorded: those for which the database has tables. */
export const appliedKinds = async (session: Session): Promise<readonly Kind[]> => {
  const { is } = await session.one(sql<{ is: boolean }>`select to_regclass(${TABLE}) is not null as is`);
  if (!is) return [];
  const row = await session.row(sql<{ image: string }>`
    select encode(image, 'base64') as image from ${sql.table(TABLE)} order by id desc limit 1`);
  return row === undefined ? [] : readMounted(readSet(Buffer.from(row.image, "base64")).files).filter(isMounted);
};

/** Records proto files as those whose mounted kinds were applied last, for `appliedKinds` to read. */
export const recordApplied = async (session: Session, files: readonly DescFile[]): Promise<void> => {
  const image = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: files.map(({ proto }) => proto) }));
  await session.rows(sql`create table if not exists ${sql.table(TABLE)} (
    id bigint generated always as identity primary key, apply_time timestamptz not null default now(), image bytea not null)`);
  await session.rows(sql`insert into ${sql.table(TABLE)} (image) values (decode(${Buffer.from(image).toString("base64")}, 'base64'))`);
};

/**
 * Checks that the database has the tables of all mounted kinds of this instance. Kinds that a newer instance has extended pass too.
 * @throws StartupError that names the command to run.
 */
export const assertApplied = async (db: Database): Promise<void> => {
  const mounted = mountedKinds(db.kinds);
  if (mounted.length === 0) return;
  const { faults } = compareSets(mounted, await appliedKinds(db.session()));
  if (faults.length > 0)
    throw new StartupError(
      "The kinds that KINDS mounts are not applied to the database: run `userd kinds apply`; `userd kinds plan` shows what it will change.",
    );
};
