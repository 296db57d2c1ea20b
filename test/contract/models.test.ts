import { globSync, readFileSync } from "node:fs";
import { getOption } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { models } from "../../src/contract/kinds/read.ts";
import { field as fieldOption } from "../../src/gen/userd/v1/kind_pb.ts";
import { kinds } from "../../src/schema/entities.ts";
import { builtin } from "../../src/schema/kind-set.ts";
import type { AllDependencies } from "../../src/services/dependencies.ts";
import { createRoutes } from "../../src/services/routes.ts";

/** The cells of the table under a heading of a document. */
const tableOf = (document: string, heading: string): string[][] => {
  const lines = readFileSync(document, "utf8").split("\n");
  const first = lines.findIndex((line, index) => index > lines.indexOf(heading) && line.startsWith("| "));
  return lines.slice(first + 2, lines.indexOf("", first)).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
};

/** All messages of the contract, by name. */
const messages = new Map(
  [
    ...createRoutes({ db: { kinds: builtin } } as AllDependencies).flatMap(({ service }) => [
      ...service.methods.map(({ input }) => input),
      ...[service.file, ...service.file.dependencies].flatMap((file) => file.messages),
    ]),
    // They come last: the rules of validation have a message Rule, too.
    ...[...models, ...kinds].map(({ message }) => message),
  ].map((message) => [message.name, message]),
);

const tables = [
  ["docs/kinds.md", "## The classes of Sentry's overview"],
  ["docs/kinds.md", "### Its relationships"],
  ["docs/access.md", "## The model's UserProfile, line by line"],
] as const;

test.for(tables)("%s, %s: each field that it names is one", ([document, heading]) => {
  const named = tableOf(document, heading).flatMap((cells) => [...(cells.join(" ").matchAll(/`([A-Z]\w+)\.(\w+)`/g) ?? [])]);
  expect(named.length).toBeGreaterThan(5);
  const unknown = named.filter(([, message = "", field]) => !messages.get(message)?.fields.some(({ name }) => name === field));
  expect(unknown.map(([whole]) => whole)).toEqual([]);
});

test("each test that the lines of UserProfile name is there", () => {
  const names = globSync("test/{profiles,access}/*.test.ts").flatMap((path) =>
    [...readFileSync(path, "utf8").matchAll(/\btest\("([^"]+)"/g)].map(([, name = ""]) => name),
  );
  const rows = tableOf("docs/access.md", "## The model's UserProfile, line by line");
  const missing = rows.map(([, , named = ""]) => named).filter((named) => named !== "" && !names.some((name) => name.startsWith(named)));
  expect(missing).toEqual([]);
  expect(rows.length).toBeGreaterThan(15);
});

test("each relationship of Sentry's overview is a reference, or the key by which an event is found", () => {
  const named = tableOf("docs/kinds.md", "### Its relationships").flatMap((cells) => [...cells.join(" ").matchAll(/`([A-Z]\w+)\.(\w+)`/g)]);
  const declared = named.flatMap(([whole, message, name]) => {
    const kind = [...models, ...kinds].find((one) => one.message.name === message);
    const field = kind?.message.fields.find((one) => one.name === name);
    return field === undefined ? [] : [{ whole, isReference: getOption(field, fieldOption).reference !== undefined }];
  });
  expect(declared.length).toBeGreaterThan(20);
  const others = declared.filter(({ isReference }) => !isReference).map(({ whole }) => whole);
  expect(others).toEqual(["`EventAttachment.event_id`", "`Alert.event_id`"]);
});

test("each field of Sentry's key classes is as long as there, and absent where it may be", () => {
  const rows = tableOf("docs/kinds.md", "## The classes of Sentry's overview");
  const said = rows.flatMap(([, has = "", here = ""]) => {
    const [, message, field] = /^`(\w+)\.(\w+)`/.exec(here) ?? [];
    const [, length] = /(\d+) characters/.exec(has) ?? [];
    const column = [...models, ...kinds].find((kind) => kind.message.name === message)?.columns.find(({ name }) => name === field);
    const isAbsent = has.includes("may be absent");
    return length === undefined && !isAbsent ? [] : [{ here, column, length, isAbsent }];
  });
  expect(said.length).toBeGreaterThan(8);
  for (const { here, column, length, isAbsent } of said) {
    if (length !== undefined) expect([here, column?.maxLength]).toEqual([here, Number(length)]);
    expect([here, column?.isNullable]).toEqual([here, isAbsent]);
  }
});
