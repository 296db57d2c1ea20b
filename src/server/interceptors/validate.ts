import { create, type DescMessage, getOption, type Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import { message as messageRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { DomainError, type FieldViolation } from "../../errors.ts";
import { oncePer } from "../../once-per.ts";
import type { Interceptor } from "./interceptor.ts";
import { findNested, type Nested } from "./nested.ts";
import { simpleRulesCheck } from "./simple-rules.ts";
import { receive } from "./streams.ts";
import { timesCheck } from "./times.ts";

/** The most violations that an error reports: the status travels in trailers, of which clients take 8 KiB. */
const maxViolations = 10;

const patterns = new Map<string, RegExp>();

/** Matches by the native engine, far faster than the default one. Patterns come from userd's protos, so they are few and linear. */
const regexMatch = (pattern: string, against: string): boolean => {
  const compiled = patterns.get(pattern) ?? new RegExp(pattern, "u");
  patterns.set(pattern, compiled);
  return compiled.test(against);
};

const validator = createValidator({ regexMatch });

/** The message that a violation is about: the request, or one inside it. */
const messageOf = (input: DescMessage, { field }: Violation): DescMessage =>
  field.findLast((part) => part.kind === "field")?.message ?? input;

/** Tells whether the rule is "at most one of project_id, organization_id[, …]", which has a reason of its own. */
const isScopeConflict = (input: DescMessage, violation: Violation): boolean =>
  violation.ruleId === "message.oneof" &&
  getOption(messageOf(input, violation), messageRules).oneof.some(({ fields }) =>
    ["project_id", "organization_id"].every((name) => fields.includes(name)),
  );

const describe = ({ message, ruleId }: Violation): string => {
  if (ruleId === "string.pattern") return message.replace(/^does not match regex pattern/, "must match");
  return message === "" ? `breaks the rule ${ruleId}` : message;
};

const toFieldViolation = (violation: Violation): FieldViolation => ({
  field: pathToString(violation.field),
  description: describe(violation),
});

const invalid = (violations: readonly Violation[], input: DescMessage): DomainError => {
  const conflicts = violations.filter((violation) => isScopeConflict(input, violation));
  if (conflicts.length > 0) {
    return new DomainError(
      "Invalid",
      "OPTION_SCOPE_CONFLICT",
      "At most one of the fields of the scope can be set: project_id for a project, organization_id for an organization, neither for the global scope.",
      {
        violations: conflicts
          .slice(0, maxViolations)
          .map(toFieldViolation)
          .filter(({ field }) => field !== ""),
      },
    );
  }
  return invalidFields(violations.map(toFieldViolation));
};

const invalidFields = (violations: readonly FieldViolation[]): DomainError => {
  const reported = violations.slice(0, maxViolations);
  const sentence = reported.map(({ field, description }) => (field ? `${field}: ${description}` : description)).join("; ");
  const more = violations.length - reported.length;
  return new DomainError("Invalid", "FIELD_INVALID", more > 0 ? `${sentence}; and ${more} more` : sentence, {
    violations: reported,
  });
};

const checkNested = (nested: readonly Nested[]): void => {
  const violations = nested.flatMap(({ desc, message, path }) => {
    const result = validator.validate(desc, message);
    if (result.kind === "error") throw result.error;
    if (result.kind === "valid") return [];
    return result.violations.map(toFieldViolation).map(({ field, description }) => ({ field: `${path}.${field}`, description }));
  });
  if (violations.length > 0) throw invalidFields(violations);
};

/** Makes the function that throws the error of a request that breaks a rule of the proto: once for each type, whatever number of transports takes it. */
const rulesOf = oncePer((input: DescMessage): ((request: Message) => void) => {
  // Compiles the rules: the first call need not, and a rule that is wrong ends the start.
  const trial = validator.validate(input, create(input));
  if (trial.kind === "error") throw trial.error;
  const checkTimes = timesCheck(input);
  const nested = findNested(input);
  const keepsRules = nested === undefined ? simpleRulesCheck(input) : () => false;
  return (request) => {
    // Before the rules: they fail on what is no time at all.
    checkTimes?.(request);
    if (keepsRules(request)) return;
    const result = validator.validate(input, request);
    if (result.kind === "invalid") throw invalid(result.violations, input);
    if (result.kind === "error") throw result.error;
    if (nested !== undefined) checkNested(nested(request));
  };
});

/** Decodes what the transport received into the request message, and checks it against the rules of the proto. */
export const validate: Interceptor = ({ method: { input }, kind, decode }) => {
  const assertRules = rulesOf(input);
  const check = (received: unknown): Message => {
    const request = decode(received);
    assertRules(request);
    return request;
  };
  if (kind === "client_streaming") {
    return (next) => (invocation, received) => next(invocation, receive(invocation, received as AsyncIterable<unknown>, check));
  }
  return (next) => (invocation, received) => next(invocation, check(received));
};
