import { describe, expect, test } from "vitest";
import { bool, int, list, time } from "../../src/import/fields.ts";
import { pythonLiteral } from "../../src/import/python-literal.ts";

describe("fields", () => {
  test.for([
    ["2023-06-22T22:59:55.488Z", "2023-06-22T22:59:55.488Z"],
    ["2023-06-22T22:59:55Z", "2023-06-22T22:59:55.000Z"],
    ["2023-06-22T22:59:55.488999Z", "2023-06-22T22:59:55.488Z"],
    ["2023-06-22T22:59:55.5+00:00", "2023-06-22T22:59:55.500Z"],
    ["2023-06-22 22:59:55.488123+02", "2023-06-22T20:59:55.488Z"],
    ["2023-06-22T22:59:55-0530", "2023-06-23T04:29:55.000Z"],
    ["2023-06-22T22:59", "2023-06-22T22:59:00.000Z"],
    ["2024-02-29", "2024-02-29T00:00:00.000Z"],
    // 08: years before 100, midnight at the end of a day, and offsets of times before there were zones.
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
    ["0004-02-29T12:00:00Z", "0004-02-29T12:00:00.000Z"],
    ["0099-12-31T23:59:59.999999+00:00", "0099-12-31T23:59:59.999Z"],
    ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999Z"],
    ["2023-06-22T24:00:00Z", "2023-06-23T00:00:00.000Z"],
    ["1890-01-01T00:00:00+01:05:21", "1889-12-31T22:54:39.000Z"],
    ["1890-01-01 00:00:00-00:44:30", "1890-01-01T00:44:30.000Z"],
    ["2023-06-22T22:59:55.488Z", "2023-06-22T22:59:55.488Z"],
  ] as const)("the time %s is %s", ([written, read]) => {
    expect(time(written)).toBe(read);
  });

  test.for([
    "",
    "now",
    "2023-13-01",
    "2023-02-29",
    "2023-04-31T10:00:00Z",
    "0001-02-29",
    "9999-12-31T24:00:00Z",
    "2023-06-22T25:00:00Z",
    "2023-06-22T24:00:01Z",
    "2023-06-22T10:00:60Z",
    "2023-06-22T10:00:00+24:00",
    "0000-01-01",
    "0001-01-01T00:00:00+14",
    1_687_474_795,
    null,
  ])("%j is no time", (written) => {
    expect(() => time(written)).toThrow("must be a time");
  });

  test("booleans and integers are read as JSON, Python and databases write them", () => {
    expect([true, 1, "1", "true", "True"].map(bool)).toEqual([true, true, true, true, true]);
    expect([false, 0, "0", "false", "False"].map(bool)).toEqual([false, false, false, false, false]);
    expect([7, "7", "-7", "+7", "9223372036854775807", 2n ** 63n - 1n].map(int)).toEqual([7n, 7n, -7n, 7n, 2n ** 63n - 1n, 2n ** 63n - 1n]);
    for (const wrong of ["", " 7", "7.0", 7.5, 2 ** 53, 2n ** 63n, "9223372036854775808", null, true, "1e3"])
      expect(() => int(wrong)).toThrow("must be an integer");
  });

  test("lists are JSON, JSON inside a string, or Python", () => {
    for (const written of [["a", "b"], '["a", "b"]', "['a', 'b']", "['a', 'b',]", "('a', u'b')", " [ 'a' ,\n\"b\" ] "]) {
      expect(list(written)).toEqual(["a", "b"]);
    }
    expect(list("[]")).toEqual([]);
    for (const wrong of ["", "a", "'a'", "['a'", "['a' 'b']", "[a]", "['a']]", {}, null]) expect(() => list(wrong)).toThrow();
  });

  test("Python literals", () => {
    expect(pythonLiteral(String.raw`['it\'s', "say \"x\"", '\u00e9\x41\n', 1, -2.5, 1e3, True, False, None, ('n', ['m'])]`)).toEqual([
      "it's",
      'say "x"',
      "éA\n",
      1,
      -2.5,
      1000,
      true,
      false,
      null,
      ["n", ["m"]],
    ]);
    expect(() => pythonLiteral("[".repeat(10_000))).toThrow("nested deeper");
  });
});
