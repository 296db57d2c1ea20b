import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { ENTRY_TTL_MS, EXPIRY_MS } from "../../../src/cache/open.ts";
import { AvatarType } from "../../../src/gen/userd/v1/user_pb.ts";
import { createReceipts, verifiedStatement } from "../../../src/lifecycle/erasure/receipts.ts";
import { isOwned, makerOf } from "../../kinds/maker.ts";
import { createAccount, createOrganization, createProject, unique, value } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import { startFleet } from "../../support/fleet.ts";
import { startPostgres } from "../../support/postgres.ts";
import { hasRedis, startRedis } from "../../support/redis.ts";
import { SECRET_KEY } from "../../support/userd.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";

/** What a busy machine may add to the life of an entry and the sweep behind it, in milliseconds. */
const GRACE_MS = 5_000;

/** Tells whether a file has a text, whatever its size and the case of its letters. */
const has = async (path: string, text: string): Promise<boolean> => {
  let rest = "";
  for await (const chunk of createReadStream(path, "latin1")) {
    const read = rest + String(chunk);
    if (read.toLowerCase().includes(text)) return true;
    rest = read.slice(-(text.length - 1));
  }
  return false;
};

/** The files under a folder that have a text; those of the write-ahead log apart. */
const filesWith = async (folder: string, text: string) => {
  const found = { data: [] as string[], log: [] as string[] };
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if (await has(path, text)) found[path.includes("pg_wal") ? "log" : "data"].push(path.slice(folder.length + 1));
  }
  return found;
};

/** The tables of the service that have a text in a row, also within bytes. */
const tablesWith = async (client: pg.Client, text: string): Promise<readonly string[]> => {
  const { rows } = await client.query<{ name: string }>(
    "select oid::regclass::text as name from pg_class where relkind = 'r' and relnamespace::regnamespace::text !~ '^(pg_|information_schema)' order by 1",
  );
  const found: string[] = [];
  for (const { name } of rows) {
    const { rowCount } = await client.query(`select from ${name} x where lower(x::text) like any($1) limit 1`, [
      [`%${text}%`, `%${Buffer.from(text).toString("hex")}%`],
    ]);
    if (rowCount !== 0) found.push(name);
  }
  return found;
};

/** Gives a user a marker in everything that a person can have. */
const furnish = async (own: Clients, marker: string, index: number): Promise<bigint> => {
  const text = `${marker}${index}`;
  // With a request_id, so that answers are kept for retries, where the RPC has one.
  const once = () => ({ requestId: randomUUID() });
  const { user } = await own.users.createUser({
    user: { username: `${text}-name`, name: `${text} person`, email: `${text}@example.com`, externalId: `${text}-external` },
    ...once(),
  });
  const userId = user?.id ?? 0n;
  await own.users.addUserEmail({ userId, email: `${text}-second@example.com`, ...once() });
  await own.users.addUserEmail({ userId, email: `${text}-gone@example.com`, ...once() });
  await own.users.removeUserEmail({ userId, email: `${text}-gone@example.com`, ...once() });
  await own.users.updateUser({
    user: { id: userId, username: `${text}-renamed`, externalId: `${text}-other` },
    updateMask: { paths: ["username", "external_id"] },
  });
  await own.users.setAvatar({ userId, type: AvatarType.UPLOAD, url: `https://example.com/${text}.png` });
  await own.users.setPassword({ userId, password: `${text} correct horse` });
  const organization = await createOrganization(own);
  const project = await createProject(own, organization.id);
  await own.organizations.addMember({ organizationId: organization.id, userId, role: 1 });
  const scopes = [{}, { organizationId: organization.id }, { projectId: project.id }];
  for (const scope of scopes) {
    for (const version of ["first", "second"]) {
      const stored = value({ [`${text}-member`]: `${text} ${version}` });
      await own.options.setOption({ userId, key: "nickname", value: stored, ...scope, ...once() });
    }
  }
  const { provider } = await own.users.createIdentityProvider({ provider: { type: "any", externalId: String(userId) } });
  await own.users.linkIdentity({ userId, providerId: provider?.id ?? 0n, externalId: `${text}-identity`, data: value({ seen: text }) });
  const account = await createAccount(own);
  const { profile } = await own.profiles.createProfile({
    profile: { userId, accountId: account.id, name: text, description: `${text} text`, tags: [text] },
    ...once(),
  });
  const profileId = profile?.id ?? 0n;
  // Its name is a word of the service, which learns of its end from the change log.
  await own.profiles.registerResources({ resources: [{ kind: "page", ownerProfileId: profileId, name: `page ${userId}` }] });
  for (const kind of own.kinds.filter(isOwned)) {
    const maker = await makerOf(own, kind, profileId);
    // Every text that is not itself a key of a certain form.
    const texts = kind.columns.filter(({ type, isOutputOnly, isUuid, maxLength, reference }) =>
      [type === "text", !isOutputOnly, !isUuid, maxLength >= 40, reference === undefined].every(Boolean),
    );
    await maker.create(Object.fromEntries(texts.map(({ field }) => [field.localName, `${text} ${kind.name}`]))).catch(() => maker.create());
  }
  return userId;
};

/** Users with markers in all fields are purged, one of them after a merge, and looked for wherever the service writes. */
export const forgotten: Drill = {
  rows: [10],
  name: "forgotten",
  about:
    "users with markers in every field are merged and purged; after the life of an entry, counts tables, answers, entries of the shared cache, lines of logs and files of PostgreSQL that have a marker",
  lacks: () => (hasRedis ? undefined : "there is no redis-server on this machine"),
  run: async ({ of, stack }) => {
    const lines: string[] = [];
    const postgres = await startPostgres({ settings: ["fsync=on"], onLog: (line) => void lines.push(line) });
    stack.defer(() => postgres.stop());
    const redis = stack.use(await startRedis());
    const fleet = stack.use(await startFleet({ postgresUrl: postgres.url, redis, size: of(1, 2), settings: { LOG_LEVEL: "debug" } }));
    const clients = connectClients(fleet.members, fleet.members.length, stack, {});
    const [first] = clients;
    if (first === undefined) throw new Error("The fleet has no members.");
    const marker = unique("marker")
      .toLowerCase()
      .replace(/[^a-z0-9]/g, "");
    const complaints: string[] = [];
    const told: string[] = [];
    const watching = new AbortController();
    const watched = (async () => {
      for await (const message of first.changes.watchChanges({}, { signal: watching.signal }))
        told.push(JSON.stringify(message, (_, item: unknown) => (typeof item === "bigint" ? String(item) : item)));
    })().catch((error: unknown) => {
      if (!watching.signal.aborted) complaints.push(`the feed ended: ${String(error)}`);
    });
    // Somebody stays: of a table that is empty PostgreSQL keeps what it knew.
    await furnish(
      first,
      `by${unique("stander")
        .toLowerCase()
        .replace(/[^a-z0-9]/g, "")}`,
      0,
    );
    const ids: bigint[] = [];
    for (let index = 0; index < of(3, 12); index += 1) ids.push(await furnish(first, marker, index));
    for (const one of clients) {
      for (const [index, id] of ids.entries()) {
        await one.users.getUser({ id });
        await one.users.lookupUsers({ keys: [{ key: { case: "email", value: `${marker}${index}@example.com` } }] });
        await one.options.listOptions({ userId: id });
      }
    }
    const [from = 0n, to = 0n, ...others] = ids;
    const pair = { fromUserId: from, toUserId: to };
    const { plan } = await first.users.planUserMerge(pair);
    await first.users.mergeUsers({ ...pair, planEtag: plan?.etag ?? "", requestId: randomUUID() });
    const admin = new pg.Client(fleet.databaseUrl);
    await admin.connect();
    const { rows: folders } = await admin.query<{ folder: string }>("select current_setting('data_directory') as folder");
    const folder = folders[0]?.folder ?? "";
    // What the planner knows of columns are values of theirs.
    await admin.query("analyze");
    await admin.query("checkpoint");
    const tablesBefore = await tablesWith(admin, marker);
    if (!tablesBefore.includes("idempotency")) complaints.push("no answer that was kept had a marker before");
    const before = { tables: tablesBefore.length, files: (await filesWith(folder, marker)).data.length };
    // Else the counts below would show nothing.
    if (before.tables < 10 || before.files < 10)
      complaints.push(`only ${before.tables} tables and ${before.files} files had a marker before`);

    const { publicKey, subjectOf } = createReceipts(Buffer.from(SECRET_KEY, "base64"), undefined);
    for (const id of [to, ...others]) {
      const { receipt } = await first.users.purgeUser({ id, allowOwnerless: true });
      const { statement = "", signature = new Uint8Array() } = receipt ?? {};
      const content = verifiedStatement({ statement, signature }, publicKey);
      if (content?.subject !== subjectOf({ kind: "user", id })) complaints.push("a receipt does not verify");
      if (statement.includes(marker)) complaints.push("a receipt has a marker");
    }
    const { auditEntries } = await first.changes.listAuditEntries({ pageSize: 1_000 });
    const audited = auditEntries.filter((entry) => JSON.stringify(entry, (_, item: unknown) => String(item)).includes(marker)).length;
    await delay(ENTRY_TTL_MS + EXPIRY_MS + GRACE_MS);
    const contents = await redis.contents();
    const cached = contents.filter((entry) => entry.join(" ").toLowerCase().includes(marker)).length;
    watching.abort();
    await watched;
    if (told.length === 0) complaints.push("the feed told nothing");
    const fed = told.filter((message) => message.toLowerCase().includes(marker)).length;
    for (const { service } of fleet.members) lines.push(...Object.values(service().output()).flatMap((text) => text.split("\n")));
    const logged = lines.filter((line) => line.toLowerCase().includes(marker)).length;
    const tables = await tablesWith(admin, marker);
    // Statistics first: VACUUM FULL then leaves out their former rows, too.
    await admin.query("analyze");
    const { rows: known } = await admin.query<{ name: string }>(
      "select distinct tablename || '.' || attname as name from pg_stats where lower(most_common_vals::text || ' ' || coalesce(histogram_bounds::text, '')) like $1",
      [`%${marker}%`],
    );
    for (const { name } of known) complaints.push(`what the planner knows of ${name} has a marker`);
    await admin.query("vacuum full");
    await admin.query("checkpoint");
    const files = await filesWith(folder, marker);
    const { rows: relations } = await admin.query<{ node: string; name: string }>(
      "select pg_relation_filenode(oid)::text as node, oid::regclass::text as name from pg_class where pg_relation_filenode(oid) is not null",
    );
    const nameOf = (file: string) => relations.find(({ node }) => node === file.replace(/^.*\/|\..*$/g, ""))?.name ?? file;
    await admin.end();
    for (const table of tables) complaints.push(`the table ${table} has a marker`);
    for (const file of files.data) complaints.push(`the file of ${nameOf(file)} of PostgreSQL has a marker`);
    const figure = tables.length + files.data.length + cached + fed + logged + audited;
    const besides = {
      ...{ tables_before: before.tables, files_before: before.files, wal_files: files.log.length },
      ...{ cached, fed, logged, audited, lines: lines.length, messages: told.length },
    };
    return { operations: ids.length, faults: ids.length, figure, bound: 0, complaints, besides };
  },
};
