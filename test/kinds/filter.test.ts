import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { describe, expect } from "vitest";
import { DomainError } from "../../src/errors.ts";
import { parseFilter } from "../../src/filter/parse.ts";
import { kinds } from "../../src/schema/entities.ts";
import { createProject } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { list, update } from "./asking.ts";
import { makerOf } from "./maker.ts";

const release = kinds.find(({ name }) => name === "release") as (typeof kinds)[number];
const releaseFile = kinds.find(({ name }) => name === "release_file") as (typeof kinds)[number];

const terms = (count: number, operator: string): string => Array(count).fill("id > 0").join(operator);

/** What is no filter of releases, the place that is told, and a part of what is said. */
const faults: readonly (readonly [text: string, line: number, column: number, says: string])[] = [
  ["status =", 1, 8, "there may be ==, !=, <"],
  ["(", 1, 2, "there may be a field, a value"],
  ["(id == 1", 1, 9, 'there may be ")"'],
  ["id == 1\n && \n  version", 3, 3, "there may be FIELD == VALUE"],
  ['"𝒳é" = id', 1, 6, "there may be ==, !=, <"],
  ['version == "\\ud800"', 1, 13, "an escape that is no character"],
  ['version == "\\U00110000"', 1, 13, "an escape that is no character"],
  ['version in ["\\u00e9", "\\ud800"]', 1, 24, "an escape that is no character"],
  ['version == "\\0"', 1, 12, "a text in plain quotes with escapes of CEL"],
  ['version == "\\q"', 1, 12, "a text in plain quotes with escapes of CEL"],
  ["version in ['', '\\u12']", 1, 17, "a text in plain quotes with escapes of CEL"],
  ['version == r"a"', 1, 12, "a text in plain quotes"],
  ['version == """a\\q"""', 1, 12, "a text in plain quotes"],
  [`version == "a" && version != R'a'`, 1, 30, "neither raw nor in triple quotes"],
  ["version inbr'a'", 1, 11, "neither raw nor in triple quotes"],
  ["version == \n'''a'''", 2, 1, "neither raw nor in triple quotes"],
  ["id == 1 // one", 1, 9, "a comment begins here"],
  ["id == 1 &&\n// two\nid == 2", 2, 1, "a comment begins here"],
  [`// "\n${"([".repeat(200)}// "`, 1, 1, "a comment begins here"],
  [`version == r"\\" || ${"([".repeat(200)}"\\"`, 1, 12, "neither raw nor in triple quotes"],
  [`version == """a"b""" || ${"([".repeat(200)}"`, 1, 12, "neither raw nor in triple quotes"],
  ['version == b"a"', 1, 12, "a text in plain quotes"],
  ['version == "\\x00"', 1, 12, "without a NUL character"],
  ["nothing == 1", 1, 1, "no field that filters can name; filters can name id, organization_id, version"],
  ["id == 1 && !has(data)", 1, 17, "no field that filters can name"],
  ['etag == "1"', 1, 1, "no field that filters can name"],
  ["version == 1", 1, 12, "a text in plain quotes"],
  ["version == null", 1, 12, "a text in plain quotes"],
  ["version == ref", 1, 12, "a text in plain quotes"],
  ['id == "1"', 1, 7, "a whole number of 64 bits"],
  ["id == 1.0", 1, 7, "a whole number of 64 bits"],
  ["id == 1u", 1, 7, "a whole number of 64 bits"],
  ["id < 9223372036854775808", 1, 6, "a whole number of 64 bits"],
  ["id > -9223372036854775809", 1, 6, "a whole number of 64 bits"],
  ["commit_count == 1 + 1", 1, 19, "a whole number of 64 bits"],
  ["status == 1", 1, 11, "one of RELEASE_STATUS_OPEN, RELEASE_STATUS_ARCHIVED"],
  ["status == RELEASE_STATUS_UNSPECIFIED", 1, 11, "one of RELEASE_STATUS_OPEN, RELEASE_STATUS_ARCHIVED"],
  ['status == "RELEASE_STATUS_OPEN"', 1, 11, "one of RELEASE_STATUS_OPEN, RELEASE_STATUS_ARCHIVED"],
  ["status < RELEASE_STATUS_ARCHIVED", 1, 8, "the field has no order"],
  ['create_time > "2026-01-01T00:00:00Z"', 1, 15, "a moment of the years 1 to 9999"],
  ['create_time > timestamp("2026-02-30T00:00:00Z")', 1, 15, "a moment of the years 1 to 9999"],
  ["create_time > timestamp(1)", 1, 15, "a moment of the years 1 to 9999"],
  ["create_time > timestamp()", 1, 15, "a moment of the years 1 to 9999"],
  ["1 == id", 1, 1, "there may be a field"],
  ["id in 1", 1, 7, "there may be [VALUE, …] or a list: project_ids"],
  ["id in version", 1, 7, "or a list: project_ids"],
  ["id in project_ids", 1, 1, "a whole number of 64 bits"],
  ['id in [1, "2"]', 1, 11, "a whole number of 64 bits"],
  ["project_ids == 1", 1, 1, "a list, which VALUE in LIST"],
  ["project_ids", 1, 1, "there may be FIELD == VALUE"],
  ["has(version)", 1, 5, "always has a value; has(…) takes owner_user_id, start_time, release_time, delete_time, project_ids"],
  ["has(data.text)", 1, 1, "there may be FIELD == VALUE"],
  ["id.startsWith('1')", 1, 1, "no text; startsWith takes version, ref"],
  ["version.startsWith(1)", 1, 20, "a text in plain quotes"],
  ["id.contains('1')", 1, 1, "no text; contains takes version, ref"],
  ["version.endsWith('1')", 1, 8, "there may be FIELD == VALUE"],
  ["version.matches('(a+)+')", 1, 8, "there may be FIELD == VALUE"],
  ["project_ids.all(one, one > 1)", 1, 12, "there may be FIELD == VALUE"],
  ["id > 0 ? true : false", 1, 1, "there may be FIELD == VALUE"],
  ["1", 1, 1, "there may be FIELD == VALUE"],
  ["{1: 2}", 1, 1, "there may be FIELD == VALUE"],
  ["google.protobuf.Timestamp{}", 1, 1, "there may be FIELD == VALUE"],
  [terms(51, " || "), 1, 504, "more than 50 terms"],
  [`${"!(id == 1 || ".repeat(4)}!(id == 1)${")".repeat(4)}`, 1, 53, "more than 8 levels"],
  ["(".repeat(65), 1, 17, "more than 16 brackets in one another"],
  ["(".repeat(9), 1, 10, "9 brackets are not closed"],
  [`id${".f()".repeat(201)}`, 1, 805, "more than 200 brackets"],
  ["[[[[[1]]]]]", 1, 2, "what begins here is in no filter"],
  ["constructor()", 1, 1, "there may be FIELD == VALUE"],
  ["toString(true, true)", 1, 1, "there may be FIELD == VALUE"],
  ["id > 0 &&\n readable", 2, 2, "no field that filters can name"],
  ["readable()", 1, 1, "readable(USER_ID), owned(USER_ID)"],
  ["owned(7, 8)", 1, 1, "readable(USER_ID), owned(USER_ID)"],
  ["!owned(-1)", 1, 8, "the id of a user, a whole number of 64 bits that is not negative"],
  ['readable("7")', 1, 10, "the id of a user"],
  ["readable(owner_user_id)", 1, 10, "the id of a user"],
  ["readable([7])", 1, 10, "the id of a user"],
  ["owned(9223372036854775808)", 1, 7, "the id of a user"],
  ["id.owned(7)", 1, 3, "readable(USER_ID), owned(USER_ID)"],
  ["readable(7) == true", 1, 1, "there may be a field"],
  ["Owned(7)", 1, 1, "readable(USER_ID), owned(USER_ID)"],
  ["valueOf(id, 1)", 1, 1, "there may be FIELD == VALUE"],
  ["__proto__(true, true)", 1, 1, "there may be FIELD == VALUE"],
];

describe("a filter", () => {
  test("that can't be read is refused with its place and what there may be", async ({ clients }) => {
    const maker = await makerOf(clients["grpc-js"], release);
    const told: unknown[] = [];
    for (const [filter] of faults) {
      const { error, fields } = await expectRefusal(list(maker, { filter }), "InvalidArgument", "FIELD_INVALID");
      expect(fields).toEqual(["filter"]);
      const [, line, column, says] = /^filter at line (\d+), column (\d+): (.*)$/.exec(error.rawMessage) ?? [];
      told.push([filter, Number(line), Number(column), says]);
    }
    expect(told).toEqual(faults.map(([filter, line, column, says]) => [filter, line, column, expect.stringContaining(says)]));
    for (const filter of ["x".repeat(4_097), "a\0"]) {
      expect((await expectRefusal(list(maker, { filter }), "InvalidArgument", "FIELD_INVALID")).fields).toEqual(["filter"]);
    }
  });

  test("has 50 terms, 8 levels and 4 KiB, and may be blank", async ({ clients }) => {
    const maker = await makerOf(clients["grpc-js"], release);
    const { id } = await maker.create();
    for (const filter of [
      " \n",
      `version != "// r' \\"\\"\\" '''"`,
      "version != ''",
      terms(50, " && "),
      terms(50, "||"),
      `${"!(id < 0 || ".repeat(4)}id > 0${")".repeat(4)}`,
      `version != "${"x".repeat(4_084 - 1)}"`,
    ]) {
      expect([filter, (await list(maker, { filter })).rows.map((row) => row.id)]).toEqual([filter, [id]]);
    }
  });

  test("compares moments as exactly as it writes them", async ({ clients }) => {
    const maker = await makerOf(clients["grpc-js"], release);
    const { id } = await maker.create({ startTime: { seconds: 1_767_225_600n, nanos: 124_000_000 } });
    const isMet = async (filter: string) => (await list(maker, { filter })).rows.some((row) => row.id === id);
    const moment = (fraction: string) => `timestamp("2026-01-01T01:00:00${fraction}+01:00")`;
    expect(await isMet(`start_time == ${moment(".124")}`)).toBe(true);
    expect(await isMet(`start_time == ${moment(".124000000")}`)).toBe(true);
    expect(await isMet(`start_time == ${moment(".124000001")}`)).toBe(false);
    expect(await isMet(`start_time > ${moment(".123999999")}`)).toBe(true);
    expect(await isMet(`start_time >= ${moment(".124000001")}`)).toBe(false);
    expect(await isMet(`start_time > timestamp("0001-01-01T00:00:00Z") && start_time < timestamp("9999-12-31T23:59:59.999999999Z")`)).toBe(
      true,
    );
  });

  test("does what Django's querysets do", async ({ clients }) => {
    const maker = await makerOf(clients["grpc-js"], release);
    const { user = 0n, project = 0n } = maker.things;
    const owned = await maker.create({ projectIds: [] });
    const nobodys = await maker.create({ ownerUserId: undefined });
    const both = await maker.create();
    const ids = async (query: object) => (await list(maker, query)).rows.map(({ id }) => id);
    const [isOwned, isOfProject] = [`owner_user_id == ${user}`, `${project} in project_ids`];
    expect(await ids({ filter: isOwned }), "filter").toEqual([owned.id, both.id]);
    expect(await ids({ filter: `!(${isOwned})` }), "exclude").toEqual([nobodys.id]);
    expect(await ids({ filter: `owner_user_id != ${user}` }), "a null meets no comparison").toEqual([]);
    expect(await ids({ filter: `${isOwned} || ${isOfProject}` }), "union").toEqual([owned.id, nobodys.id, both.id]);
    expect(await ids({ filter: `${isOwned} && ${isOfProject}` }), "intersection").toEqual([both.id]);
    expect(await ids({ filter: `${isOfProject} && !(${isOwned})` }), "difference").toEqual([nobodys.id]);
    expect(await ids({ filter: "false" }), "none").toEqual([]);
    const others = [project, (await createProject(clients["grpc-js"], maker.organizationId)).id];
    await update(maker, { id: both.id, projectIds: others });
    expect(await ids({ filter: others.map((id) => `${id} in project_ids`).join(" || ") }), "distinct").toEqual([nobodys.id, both.id]);
    expect(await ids({ filter: isOwned, orderBy: "create_time desc" }), "order_by").toEqual([both.id, owned.id]);
    const { releases } = await maker.call("BatchGet", { ids: [both.id, owned.id] });
    expect(
      (releases as { id: bigint }[]).map(({ id }) => id),
      "in_bulk",
    ).toEqual([both.id, owned.id]);
    const stale = update(maker, { id: both.id, etag: both.etag, ref: "main" });
    await expectRefusal(stale, "Aborted", "ETAG_MISMATCH");
  });

  test("takes the escapes of CEL", async ({ clients }) => {
    const maker = await makerOf(clients["grpc-js"], releaseFile);
    const { id } = await maker.create({ name: "\u0007\b\f\n\r\t\v\\?\"'`éA𝒳" });
    for (const quote of ["'", '"']) {
      const text = `${quote}\\a\\b\\f\\n\\r\\t\\v\\\\\\?\\"\\'\\\`\\u00e9\\101\\U0001d4b3${quote}`;
      expect((await list(maker, { filter: `name == ${text}` })).rows.map((row) => row.id)).toEqual([id]);
    }
  });

  test("has values that never become SQL", async ({ clients }) => {
    const maker = await makerOf(clients["grpc-js"], releaseFile);
    const name = `'; drop table release; -- " \\ $1 % _ {} ? 𝒳`;
    const { id } = await maker.create({ name });
    for (const filter of [
      `name == ${JSON.stringify(name)}`,
      `name in [${JSON.stringify(name)}, "{}"]`,
      `name.startsWith(${JSON.stringify(name)})`,
    ]) {
      expect((await list(maker, { filter })).rows.map((row) => row.id)).toEqual([id]);
    }
  });

  test("that is too deep for the stack of calls is refused with a place", async () => {
    const told = new Set<string>();
    // From the deepest call on, each of those before it has more of the stack left.
    const descend = (): void => {
      try {
        descend();
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
      if (told.size > 1) return;
      try {
        parseFilter("!(!(id == 1))");
        told.add("read");
      } catch (error) {
        if (error instanceof DomainError) told.add(error.message);
      }
    };
    descend();
    expect([...told]).toEqual(["filter at line 1, column 1: what begins here has too much in it to be read", "read"]);
  });

  const words = "id version status project_ids owner_user_id data start_time RELEASE_STATUS_OPEN true null".split(" ");
  const values = `1 -9223372036854775808 1e999 "a" '\\n' b"\\xff" r"\\" """ timestamp("2026-01-01T00:00:00Z") []`.split(" ");
  const signs = ["\n", " in ", ..."== != < >= && || ! - ( ) [ ] { } , . ? : has( readable( owned( .startsWith( //".split(" ")];

  test("of any text is answered or refused, and never INTERNAL", async ({ clients }) => {
    const maker = await makerOf(clients["grpc-js"], release);
    const like = fc.array(fc.oneof(fc.constantFrom(...words), fc.constantFrom(...values), fc.constantFrom(...signs)), { maxLength: 12 });
    const text = fc.oneof(
      like.map((parts) => parts.join("")),
      fc.string({ unit: "binary" }),
      fc.string({ unit: "grapheme" }),
    );
    await fc.assert(
      fc.asyncProperty(text, async (filter) => {
        const outcome = await list(maker, { filter }).then(
          () => "answered",
          (error: unknown) => error,
        );
        const code = outcome instanceof ConnectError ? Code[outcome.code] : outcome;
        expect(["answered", "InvalidArgument", "FailedPrecondition"]).toContain(code);
      }),
      { numRuns: 1_000 },
    );
  });
});
