import { sql } from "kysely";
import { OWN_MODEL } from "../formats/own-line.ts";
import type { ImportTx } from "../transaction.ts";

/**
 * Users of the file that have no id get new ones, past all that the file and the service have. One whose name is taken here is
 * a conflict then: that the names are the same does not make it the same user.
 */
export const giveOwnIds = async (tx: ImportTx): Promise<void> => {
  await tx.rows(sql`
    update import_user s set pk = fresh.pk
    from (
      select ctid as place, row_number() over (order by record) + greatest(
        (select coalesce(max(pk), 0) from import_user),
        (select coalesce(max(id), 0) from users),
        (select last_value from users_id_seq)) as pk
      from import_user where pk is null
    ) fresh where s.ctid = fresh.place`);
  await tx.rows(sql`
    update import_email e set user_pk = s.pk from import_user s
    where e.user_pk is null and e.model = ${`${OWN_MODEL}.emails`} and s.record = e.record`);
};
