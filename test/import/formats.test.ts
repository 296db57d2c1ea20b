import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { ImportFault } from "../../src/import/fault.ts";
import { runImport } from "../../src/import/import.ts";
import { readRecords } from "../../src/import/records.ts";
import { exportEmail, exportUser } from "../support/exports.ts";
import { rowsOf, stateOf, test } from "./fixture.ts";

/** Bytes, as a file of pieces of that size gives them. */
const bytesOf = (content: string | Buffer, size = 64 * 1024): Readable => {
  const bytes = Buffer.from(content);
  return Readable.from(
    Array.from({ length: Math.max(1, Math.ceil(bytes.length / size)) }, (_, index) => bytes.subarray(index * size, (index + 1) * size)),
  );
};

const recordsOf = async (content: string | Buffer, size?: number): Promise<unknown[]> => {
  const records: unknown[] = [];
  for await (const piece of readRecords(bytesOf(content, size))) records.push(...piece.records);
  return JSON.parse(JSON.stringify(records, (_, value) => (typeof value === "bigint" ? `${value}n` : value)));
};

const faultOf = (content: string | Buffer): Promise<string> =>
  recordsOf(content).then(
    () => "no fault",
    (error) => (error instanceof ImportFault ? error.message : String(error.stack)),
  );

/** One user and its permission in each format, as Django 6 writes it. */
const json = `{"model": "auth.user", "pk": 7, "fields": {"username": "Zoë <\\"&>", "is_active": true, "last_login": null, "date_joined": "2023-01-02T03:04:05Z", "groups": [], "user_permissions": [["add_x", "app", "x"]]}}`;
const xml = `<?xml version="1.0" encoding="utf-8"?>
<django-objects version="1.0">
  <object model="auth.user" pk="7">
    <field name="username" type="CharField">Zoë &lt;"&amp;&gt;</field>
    <field name="is_active" type="BooleanField">True</field>
    <field name="last_login" type="DateTimeField"><None></None></field>
    <field name="date_joined" type="DateTimeField">2023-01-02T03:04:05+00:00</field>
    <field name="groups" rel="ManyToManyRel" to="auth.group"></field>
    <field name="user_permissions" rel="ManyToManyRel" to="auth.permission"><object><natural>add_x</natural><natural>app</natural><natural>x</natural></object></field>
  </object>
</django-objects>`;
const yaml = `- model: auth.user
  pk: 7
  fields:
    username: "Zo\\xEB <\\"&>"
    is_active: true
    last_login: null
    date_joined: 2023-01-02 03:04:05+00:00
    groups: []
    user_permissions:
    - - add_x
      - app
      - x
`;
const formats = [`[${json}]`, `\uFEFF\n[\n${json}\n]\n`, `${json}\n`, json, xml, yaml, `# dumped\n---\n${yaml}`];

describe("the format of a file is seen by its content", () => {
  test("the same user comes of each, packed or not, in pieces of any size", async ({ own }) => {
    await runImport(own, bytesOf(json));
    expect(
      await rowsOf(
        own,
        sql`select id, username, is_active, date_joined::text as joined,
          array(select permission::text from user_permission p where p.user_id = u.id) as permissions from users u where id = 7`,
      ),
    ).toEqual([{ id: "7", username: 'Zoë <"&>', is_active: true, joined: "2023-01-02 03:04:05+00", permissions: ["app.add_x"] }]);
    const before = await stateOf(own);
    for (const content of formats) {
      for (const packed of [content, gzipSync(content)]) {
        const { models } = await runImport(own, bytesOf(packed, 7));
        expect(models.map(({ model, unchanged }) => [model, unchanged])).toEqual([
          ["auth.user", 1],
          ["auth.user.user_permissions", 1],
        ]);
      }
    }
    expect(await stateOf(own)).toEqual(before);
  });

  test("integers above 2^53 are exact in every format", async () => {
    const record = (value: unknown) => ({ model: "x", pk: value, fields: { a: value } });
    const large = "9007199254740993";
    const line = `{"model":"x","pk":${large},"fields":{"a":${large}}}`;
    for (const content of [`[${line}]`, line]) expect(await recordsOf(content)).toEqual([record(`${large}n`)]);
    expect(await recordsOf(`- model: x\n  pk: ${large}\n  fields: {a: ${large}}\n`)).toEqual([record(`${large}n`)]);
    const field = (type: string, text: string) =>
      `<django-objects><object model="x" pk="${large}"><field name="a" type="${type}">${text}</field></object></django-objects>`;
    expect(await recordsOf(field("BigIntegerField", large))).toEqual([record(large)]);
    expect(await recordsOf(field("JSONField", `{"n":[${large},1.5]}`))).toEqual([
      { model: "x", pk: large, fields: { a: { n: [`${large}n`, 1.5] } } },
    ]);
  });

  test("YAML holds what PyYAML means: what it does not quote is no more than it reads", async () => {
    const scalars =
      "y: y\n    n: n\n    zip: 08\n    e: 1e3\n    t: 00:30:00\n    yes: yes\n    f: 1.5e+3\n    o: 010\n    inf: .inf\n    d: 2023-01-02\n    q: '1'\n    z: ~\n    h: 0x1F\n    s: 1:30";
    expect(await recordsOf(`- model: x\n  pk: 1\n  fields:\n    ${scalars}\n`)).toEqual([
      {
        model: "x",
        pk: 1,
        // JSON has no infinity.
        fields: {
          y: "y",
          n: "n",
          zip: "08",
          e: "1e3",
          t: "00:30:00",
          yes: true,
          f: 1500,
          o: 8,
          inf: null,
          d: "2023-01-02",
          q: "1",
          z: null,
          h: 31,
          s: 90,
        },
      },
    ]);
    const text = `- model: x\n  pk: 1\n  fields:\n    a: |\n      - b\n\n      - c\n    d: 'e\n\n      - f'\n- model: x\n  pk: 2\n  fields: {}\n`;
    expect(await recordsOf(text, 1)).toEqual([
      { model: "x", pk: 1, fields: { a: "- b\n\n- c\n", d: "e\n- f" } },
      { model: "x", pk: 2, fields: {} },
    ]);
  });

  test("several members of gzip are one file, and a bomb takes no memory", async () => {
    const line = JSON.stringify(exportUser(1));
    expect(await recordsOf(Buffer.concat([gzipSync(`${line}\n`), gzipSync(`${line}\n`)]))).toHaveLength(2);
    // 64 MB in one string, in 64 kB.
    const bomb = gzipSync(Buffer.concat([Buffer.from('[{"model":"'), Buffer.alloc(64 * 1024 * 1024, "x")]));
    expect(await faultOf(bomb)).toBe("A record is larger than 32 MiB, which userd does not read in this format (record 1, at model).");
  });
});

describe("a file that is refused says what to do", () => {
  const utf16 = (text: string) => Buffer.from(text, "utf16le");
  test.for<[string, string | Buffer, RegExp]>([
    ["nothing", "", /empty: write it with `manage.py dumpdata --format json`/],
    ["white space", " \n\t\n", /empty/],
    ["nothing, packed", gzipSync(""), /empty/],
    ["CSV", "id,username\n1,ann\n", /looks like CSV.*dumpdata --format json/],
    ["CSV with semicolons", "id;username\n", /looks like CSV/],
    ["SQL", "--\n-- PostgreSQL database dump\n--\n", /is SQL.*dumpdata/],
    ["SQL of SQLite", "PRAGMA foreign_keys=OFF;\n", /is SQL/],
    ["pg_dump -Fc", Buffer.from("PGDMP\x01\x0e"), /pg_dump -Fc.*dumpdata/],
    ["SQLite", Buffer.from("SQLite format 3\0"), /SQLite database.*dumpdata/],
    ["zip", Buffer.from("504b030414", "hex"), /unzip/],
    ["zstd", Buffer.from("28b52ffd04", "hex"), /zstd -d/],
    ["xz", Buffer.from("fd377a585a0000", "hex"), /unxz/],
    ["bzip2", Buffer.from("425a6839", "hex"), /bunzip2/],
    ["tar", Buffer.concat([Buffer.alloc(257, "a"), Buffer.from("ustar\0")]), /tar -xf/],
    ["gzip twice", gzipSync(gzipSync("[]")), /twice.*gunzip/],
    ["gzip cut off", gzipSync(JSON.stringify(exportUser(1))).subarray(0, -20), /gzip data is damaged or cut off/],
    ["gzip damaged", Buffer.concat([gzipSync("[]").subarray(0, 10), Buffer.alloc(30, 255)]), /gzip data is damaged/],
    ["UTF-16 with its mark", Buffer.concat([Buffer.from("fffe", "hex"), utf16("[]")]), /UTF-16.*--output FILE/],
    ["UTF-16 without", utf16('[{"model": "x"}]'), /no UTF-8.*iconv/],
    ["a page", "<!DOCTYPE html><html>", /HTML page/],
    ["text", "Loaded settings.\n[]", /in no format that userd reads.*printed something above/],
    ["other XML", "<?xml version='1.0'?><rss/>", /not the XML of Django/],
    ["a document type", '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><django-objects/>', /document type/],
    [
      "an entity",
      '<django-objects><object model="x"><field name="a">&b;</field></object></django-objects>',
      /not valid XML \(record 1, at fields.a\)/,
    ],
    [
      "an entity of HTML",
      '<django-objects><object model="x"><field name="a">&copy;</field></object></django-objects>',
      /not valid XML \(record 1, at fields.a\)/,
    ],
    ["XML cut off", xml.slice(0, -5), /ends too early \(record 2\)/],
    ["XML that is none", '<django-objects><object model="x" pk="1"></field>', /not valid XML/],
    [
      "wrong JSON in XML",
      '<django-objects><object model="x" pk="1"><field name="a" type="JSONField">{</field></object></django-objects>',
      /not valid JSON \(record 1, at fields.a\)/,
    ],
    ["a YAML mapping", "---\nmodel: x\n", /not a YAML list of records/],
    ["YAML that is none", "- model: x\n  pk: [\n- model: y\n", /not valid YAML \(record 1\)/],
    ["YAML with an alias", "- model: x\n  pk: &a 1\n  fields: {a: *a}\n", /alias/],
    ["YAML with a bomb of aliases", `- &a [1,1]\n- &b [*a,*a]\n`, /valid YAML|alias/],
    ["YAML with a program", "- !!python/object/apply:os.system ['x']\n", /not valid YAML|tag/],
    ["YAML that names a member twice", "- model: x\n  model: y\n", /not valid YAML \(record 1\)/],
    ["JSON nested deeply", `[{"model":"x","pk":1,"fields":${"[".repeat(100_000)}`, /nested deeper than 500/],
    ["YAML nested deeply", `- ${"[".repeat(100_000)}`, /not valid YAML \(record 1\)/],
    ["lines that are no records", "{}\n7\n", /Record 2: it has to be an object/],
    ["a line cut off", '{"model":"x"}\n{"model":', /ends too early \(record 2, at model\)/],
  ])("%s", async ([, content, expected]) => {
    expect(await faultOf(content)).toMatch(expected);
  });
});

describe("userd's own lines", () => {
  const hash = exportUser(1).fields["password"];
  const line = (message: object) => `${JSON.stringify(message)}\n`;

  test("are read as ImportUsers reads them, and again without a change", async ({ own }) => {
    const file =
      line({
        user: {
          id: "70",
          username: "Ann",
          email: "ann@example.com",
          isSuperuser: true,
          emails: [{ email: "ann@example.com", isVerified: true }, { email: "b@example.com" }],
          dateJoined: "2020-01-02T03:04:05.678Z",
        },
        passwordHash: hash,
      }) + line({ user: { id: 71, username: "bob" } });
    const report = await runImport(own, bytesOf(file));
    expect(report).toMatchObject({
      stored: true,
      records: 2,
      skipped: [],
      models: [
        { model: "userd.user", read: 2, created: 2 },
        { model: "userd.user.emails", read: 2, created: 2 },
      ],
    });
    expect(
      await rowsOf(
        own,
        sql`select id, username, email, is_superuser, is_active, password, date_joined::text as joined from users where id > 69 order by id limit 1`,
      ),
    ).toEqual([
      {
        id: "70",
        username: "Ann",
        email: "ann@example.com",
        is_superuser: true,
        is_active: true,
        password: hash,
        joined: "2020-01-02 03:04:05.678+00",
      },
    ]);
    expect(await rowsOf(own, sql`select email, is_verified from user_email where user_id = 70 order by 1`)).toEqual([
      { email: "ann@example.com", is_verified: true },
      { email: "b@example.com", is_verified: false },
    ]);
    const before = await stateOf(own);
    await runImport(own, bytesOf(gzipSync(file)));
    expect(await stateOf(own)).toEqual(before);
  });

  test("without an id get a new one, and a name that is taken is a conflict", async ({ own }) => {
    await runImport(
      own,
      bytesOf(line({ user: { id: "70", username: "ann" } }) + line({ user: { username: "bob", email: "bob@example.com" } })),
    );
    expect(
      await rowsOf(
        own,
        sql`select u.id, username, (select count(*)::int from user_email e where e.user_id = u.id) as emails from users u where id > 69 order by id`,
      ),
    ).toEqual([
      { id: "70", username: "ann", emails: 0 },
      { id: "71", username: "bob", emails: 1 },
    ]);
    const again = await runImport(own, bytesOf(line({ user: { username: "bob" }, passwordHash: hash })));
    expect(again).toMatchObject({ stored: false, conflicts: [{ kind: "user", name: "bob", idHere: "71" }] });
  });

  test("with a field that is none, or a value that can't be, say where and show no value", async ({ own }) => {
    const error = (message: object) => runImport(own, bytesOf(line(message))).then(String, (thrown) => (thrown as Error).message);
    expect(await error({ user: { id: "1", usrname: "canary" } })).toBe('Record 1 (userd.user "1"): has the unknown field usrname.');
    expect(await error({ user: { id: "1" }, passwordHash: 5 })).toBe(
      'Record 1 (userd.user "1"): holds a wrong value at ImportUsersRequest.password_hash.',
    );
    const report = await runImport(own, bytesOf(line({ user: { id: "1", username: "x".repeat(200) } }) + line({ user: { id: "2" } })));
    expect(report.skipped.map(({ count }) => count)).toEqual([1, 1]);
    expect(JSON.stringify(report.skipped)).toContain("user.username");
  });

  test("of the form of records may stand between others", async ({ own }) => {
    const report = await runImport(own, bytesOf(line(exportUser(1)) + line(exportEmail(1)) + line({ user: { id: "2", username: "bob" } })));
    expect(report.models.map(({ model, created }) => [model, created])).toEqual([
      ["sentry.user", 1],
      ["sentry.useremail", 1],
      ["userd.user", 1],
    ]);
  });
});
