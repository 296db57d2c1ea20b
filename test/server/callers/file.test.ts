import { expect, test } from "vitest";
import { createNetworks, isNetwork } from "../../../src/networks.ts";
import { permissions } from "../../../src/permissions.ts";
import { parseCallersFile } from "../../../src/server/callers/file.ts";
import { sha256 } from "./callers-file.ts";

const parse = (...callers: readonly object[]) => parseCallersFile(JSON.stringify({ callers }), permissions);

const billing = { name: "billing", token_sha256: sha256("canary"), permissions: ["users.read"] };

test("a caller with all fields is read", () => {
  const { entries, faults } = parse({
    ...billing,
    tokens: [{ sha256: sha256("next"), not_before: "2026-12-01T00:00:00Z", not_after: "2027-12-01T00:00:00+01:00" }],
    subject_alt_names: ["Billing.Example.org", "spiffe://example.org/ns/Prod/sa/billing"],
    networks: ["10.0.0.0/8", "fd00::/8", "192.0.2.7"],
    acts_as: "self",
    weight: 5,
    limits: { concurrency: 20, rates: { all: { per_second: 0.5, burst: 3 }, "users.read": { per_second: 100, burst: 200 } } },
  });
  expect(faults).toEqual([]);
  const [entry] = entries;
  expect(entry?.caller).toEqual({
    name: "billing",
    permissions: new Set(["users.read"]),
    actsAs: "self",
    weight: 5,
    limits: {
      concurrency: 20,
      rates: new Map([
        ["all", { perSecond: 0.5, burst: 3 }],
        ["users.read", { perSecond: 100, burst: 200 }],
      ]),
    },
  });
  expect(entry?.tokens).toEqual([
    { sha256: sha256("canary"), notBefore: -Infinity, notAfter: Infinity },
    { sha256: sha256("next"), notBefore: Date.UTC(2026, 11, 1), notAfter: Date.UTC(2027, 10, 30, 23) },
  ]);
  expect(entry?.subjectAltNames).toEqual(["billing.example.org", "spiffe://example.org/ns/Prod/sa/billing"]);
});

test("a caller with a token alone weighs 1 and has no limits", () => {
  const { entries, faults } = parse(billing);
  expect(faults).toEqual([]);
  expect(entries[0]?.caller).toEqual({ name: "billing", permissions: new Set(["users.read"]), weight: 1 });
});

test.for([
  ["an unknown field", { ...billing, netwroks: [] }, /^callers\.0 .*"netwroks"/],
  ["an unknown field of a token", { ...billing, tokens: [{ sha256: sha256("b"), until: "2027" }] }, /^callers\.0\.tokens\.0 .*"until"/],
  ["no credential", { name: "a", permissions: [] }, /^callers\.0 must have token_sha256, tokens, subject_alt_names or subjects$/],
  ["an empty list of tokens", { ...billing, tokens: [] }, /^callers\.0\.tokens must not be empty$/],
  ["a hash that is none", { ...billing, token_sha256: "canary" }, /^callers\.0\.token_sha256 must be the SHA-256/],
  [
    "a time without a zone",
    { ...billing, tokens: [{ sha256: sha256("b"), not_after: "2027-01-01T00:00:00" }] },
    /not_after must be a time/,
  ],
  [
    "times that never hold",
    { ...billing, tokens: [{ sha256: sha256("b"), not_before: "2027-01-01T00:00:00Z", not_after: "2027-01-01T00:00:00Z" }] },
    /^callers\.0\.tokens\.0\.not_after must be after not_before$/,
  ],
  ["a network that is none", { ...billing, networks: ["10.0.0.0/33"] }, /^callers\.0\.networks\.0 must be a network/],
  ["no network at all", { ...billing, networks: [] }, /^callers\.0\.networks must not be empty$/],
  ["a name with a wildcard", { ...billing, subject_alt_names: ["*.example.org"] }, /^callers\.0\.subject_alt_names\.0 must be a DNS name/],
  ["another way to act", { ...billing, acts_as: "admin" }, /^callers\.0\.acts_as must be self$/],
  ["no weight", { ...billing, weight: 0 }, /^callers\.0\.weight /],
  ["half a call", { ...billing, limits: { concurrency: 0.5 } }, /^callers\.0\.limits\.concurrency must be a whole number/],
  [
    "a rate of nothing",
    { ...billing, limits: { rates: { "users.fly": { per_second: 1, burst: 1 } } } },
    /^callers\.0\.limits\.rates Unrecognized key: "users\.fly"/,
  ],
  ["a rate of 0", { ...billing, limits: { rates: { all: { per_second: 0, burst: 1 } } } }, /^callers\.0\.limits\.rates\.all\.per_second /],
] as const)("a caller with %s is refused", ([, caller, sentence]) => {
  const { faults } = parse(caller);
  expect(faults).toEqual([expect.stringMatching(sentence)]);
  expect(faults.join()).not.toContain("canary");
  expect(faults.join()).not.toContain(sha256("canary"));
});

const login = { issuer: "https://login.example.org/", audience: "userd", jwks_url: "https://login.example.org/jwks.json" };
const web = { name: "web", subjects: [{ issuer: login.issuer, subject: "web" }], permissions: [] };

const parseIssuers = (issuers: readonly object[], callers: readonly object[] = [web]) =>
  parseCallersFile(JSON.stringify({ callers, issuers }), permissions);

test("an issuer has asymmetric algorithms, 30 seconds of skew and the claim sub, unless told otherwise", () => {
  const { issuers, faults } = parseIssuers([login]);
  expect(faults).toEqual([]);
  expect(issuers).toMatchObject([
    { audience: ["userd"], keys: { kind: "url", at: login.jwks_url }, clockSkewSeconds: 30, claims: { caller: "sub" } },
  ]);
  expect(issuers[0]?.algorithms.filter((name) => /^HS|none/i.test(name))).toEqual([]);
});

test.for([
  ["no audience", { ...login, audience: undefined }, /^issuers\.0\.audience /],
  ["an empty list of audiences", { ...login, audience: [] }, /^issuers\.0\.audience /],
  ["no keys", { ...login, jwks_url: undefined }, /^issuers\.0 must have jwks_url or jwks_file$/],
  ["two places of keys", { ...login, jwks_file: "keys.json" }, /^issuers\.0 must have jwks_url or jwks_file$/],
  [
    "keys that cross the network as they are",
    { ...login, jwks_url: "http://login.example.org/" },
    /^issuers\.0\.jwks_url must be a URL with https/,
  ],
  ["a password in the URL of its keys", { ...login, jwks_url: "https://a:b@login.example.org/" }, /^issuers\.0\.jwks_url must be a URL/],
  ["a file as the URL of its keys", { ...login, jwks_url: "file:///etc/passwd" }, /^issuers\.0\.jwks_url must be a URL with https/],
  ["a secret for signatures", { ...login, algorithms: ["RS256", "HS256"] }, /^issuers\.0\.algorithms\.1 /],
  ["no signatures", { ...login, algorithms: ["none"] }, /^issuers\.0\.algorithms\.0 /],
  ["a day of skew", { ...login, clock_skew_seconds: 86_400 }, /^issuers\.0\.clock_skew_seconds /],
  ["an unknown field", { ...login, claims: { user: "sub" } }, /^issuers\.0\.claims .*"user"/],
] as const)("an issuer with %s is refused", ([, issuer, sentence]) => {
  expect(parseIssuers([issuer]).faults).toContainEqual(expect.stringMatching(sentence));
});

test("issuers and subjects have to go together", () => {
  expect(parseIssuers([login, login]).faults).toEqual(["issuers.1 has the same issuer as one before"]);
  expect(parseIssuers([], [web]).faults).toEqual([
    "callers.0.subjects names the issuer https://login.example.org/, which is not among the issuers",
  ]);
  expect(parseIssuers([login], [web, { ...web, name: "thief" }]).faults).toEqual(["callers.1 has the same subject web as web"]);
});

test("faults are named all at once, those between entries too", () => {
  const { faults } = parse(
    billing,
    { ...billing, name: "a b", permissions: ["users.fly"] },
    { ...billing, name: "thief", subject_alt_names: ["a.example.org"] },
    { name: "other", permissions: [], subject_alt_names: ["A.example.org"] },
    { ...billing, token_sha256: sha256("b"), weight: 2 },
  );
  expect(faults).toEqual([
    expect.stringMatching(/^callers\.1\.name must be/),
    expect.stringMatching(/^callers\.1\.permissions\.0 must be one of/),
    "callers.2 has the same token as billing",
    "callers.3 has the same subject_alt_name a.example.org as thief",
    "callers.4 has another weight or limits than billing before",
  ]);
});

test.for([
  ["is not JSON", "{", "is not valid JSON"],
  ["is null", "null", "the file Invalid input"],
  ["names nobody", '{"callers":[]}', "callers must name at least one caller"],
  ["has an unknown field", '{"callers":[{"name":"a","permissions":[],"tokens":[]}],"issuer":1}', 'the file Unrecognized key: "issuer"'],
])("a file that %s is refused", ([, text, sentence]) => {
  expect(parseCallersFile(text ?? "", permissions).faults.join("\n")).toContain(sentence);
});

test.for([
  [["10.0.0.0/8"], "10.1.2.3", true],
  [["10.0.0.0/8"], "::ffff:10.1.2.3", true],
  [["10.0.0.0/8"], "11.1.2.3", false],
  [["10.0.0.0/8"], "unknown", false],
  [["10.0.0.0/8"], "", false],
  [["10.0.0.0/8"], "::a01:203", false],
  [["fd00::/8"], "fd12::1", true],
  [["fd00::/8"], "fe80::1%eth0", false],
  [["192.0.2.7"], "192.0.2.7", true],
  [["192.0.2.7"], "192.0.2.8", false],
  [["0.0.0.0/0"], "fd12::1", false],
  [["::/0"], "10.1.2.3", true],
] as const)("the networks %j have %s: %s", ([texts, address, expected]) => {
  expect(createNetworks(texts).has(address)).toBe(expected);
});

test.for(["10.0.0.0/8/8", "10.0.0", "example.org", "10.0.0.0/", "10.0.0.0/x", "fd00::/129", "fe80::1%eth0", ""])(
  "%s is no network",
  (text) => {
    expect(isNetwork(text)).toBe(false);
  },
);
