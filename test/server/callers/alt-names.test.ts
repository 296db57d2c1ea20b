import { expect, test } from "vitest";
import { readAltNames } from "../../../src/server/callers/alt-names.ts";

test.for([
  ["DNS:a.example.org", ["a.example.org"]],
  ["DNS:A.example.org, URI:spiffe://example.org/A, IP Address:10.0.0.1, email:a@example.org", ["a.example.org", "spiffe://example.org/A"]],
  ["", []],
  // A name with unusual characters, as Node writes it since CVE-2021-44532.
  ['URI:"https://a.example.org/, DNS:admin.example.org"', []],
  ['URI:"\\", DNS:admin.example.org, URI:\\"", DNS:a.example.org', ["a.example.org"]],
  ['DNS:"a\\u0000.example.org", DNS:b.example.org', ["b.example.org"]],
  ["othername:<unsupported>, DNS:a.example.org", ["a.example.org"]],
  ['othername: UPN::a@example.org, DNS:"a.example.org', []],
  ["DNS:a.example.org,DNS:admin.example.org", []],
  ["no names at all", []],
] as const)("the names of %j are %j", ([text, names]) => {
  expect(readAltNames(text)).toEqual(names);
});
