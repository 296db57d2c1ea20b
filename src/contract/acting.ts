import { type DescMessage, type DescMethod, getOption } from "@bufbuild/protobuf";
import { ActingNeed, ActingNeedSchema, acting } from "../gen/userd/v1/options_pb.ts";
import { oncePer } from "../once-per.ts";

/** A function that returns the values that a request has at one path: ids, texts or messages; none where nothing is set. */
type ValuesAt = (request: object) => readonly unknown[];

/** A rule of an RPC for acting users, as its proto option `acting` declares it, with functions that read the request. */
export type ActingRule = {
  readonly need: ActingNeed;
  /** The path of the field that the need is about; empty = it is about the call. */
  readonly field: string;
  readonly valuesAt: ValuesAt;
  readonly orSelf: string;
  /** Returns the ids at the path `orSelf`. */
  readonly selvesAt: ValuesAt;
  readonly isOptional: boolean;
  /** Tells whether the caller vouches for something by the RPC. */
  readonly isVouching: boolean;
};

/** Tells whether a need is about users, whom the field names by their ids. */
export const isAboutUsers = (need: ActingNeed): boolean => need >= ActingNeed.USER_READ && need <= ActingNeed.USER_CREDENTIALS;

const nothing: ValuesAt = () => [];

/** Returns the values of one step of a path. What has the default value, such as the id 0, counts as not set. */
const step = (message: DescMessage, name: string): { readonly at: ValuesAt; readonly inner: DescMessage | undefined } | undefined => {
  const field = message.fields.find((one) => one.name === name);
  if (field === undefined) return undefined;
  const { localName, oneof } = field;
  const isSet = (value: unknown): boolean => value !== undefined && value !== 0n && value !== "" && value !== false;
  const at: ValuesAt = (parent) => {
    const group = oneof === undefined ? undefined : (parent as Record<string, { case?: string; value?: unknown }>)[oneof.localName];
    const value =
      oneof === undefined ? (parent as Record<string, unknown>)[localName] : group?.case === localName ? group.value : undefined;
    return (Array.isArray(value) ? value : [value]).filter(isSet);
  };
  return { at, inner: field.message };
};

/** Makes the function that reads a path such as "pairs.user_id"; undefined = the message has no such path. */
const reader = (message: DescMessage, path: string): ValuesAt | undefined => {
  if (path === "") return nothing;
  let at: ValuesAt = (request) => [request];
  let inner: DescMessage | undefined = message;
  for (const name of path.split(".")) {
    const next: ReturnType<typeof step> = inner && step(inner, name);
    if (next === undefined) return undefined;
    const before = at;
    at = (request) => before(request).flatMap((value) => next.at(value as object));
    inner = next.inner;
  }
  return at;
};

/** Needs that are about the call, and not about what a field names. */
const ofCall: ReadonlySet<ActingNeed> = new Set([
  ActingNeed.ANYBODY,
  ActingNeed.ADMINISTRATOR,
  ActingNeed.PERMISSION,
  ActingNeed.BEARER,
  ActingNeed.RESOURCE,
]);

/** Returns the fault in an RPC's option `acting`; undefined = none. Every RPC has rules, whose paths its request has. */
export const actingFault = (method: DescMethod): string | undefined => {
  const rules = getOption(method, acting);
  if (rules.length === 0) return "has no (userd.v1.acting)";
  for (const { need, field, orSelf } of rules) {
    if (need === ActingNeed.UNSPECIFIED || ActingNeedSchema.value[need] === undefined) return "has a rule (userd.v1.acting) without a need";
    if (field === "" && !ofCall.has(need)) return `has a rule (userd.v1.acting) without the field that ${nameOfNeed(need)} needs`;
    const missing = [field, orSelf].find((path) => reader(method.input, path) === undefined);
    if (missing !== undefined) return `has a rule (userd.v1.acting) about ${missing}, which its request does not have`;
  }
  return undefined;
};

/** Tells whether a rule asks nothing of a request, since the field that it is about is not set and need not be. */
export const isSilent = ({ field, isOptional, valuesAt }: ActingRule, request: object): boolean =>
  field !== "" && isOptional && valuesAt(request).length === 0;

/** Returns the name of a need, such as "USER_READ". */
export const nameOfNeed = (need: ActingNeed): string => (ActingNeedSchema.value[need]?.name ?? "").replace("ACTING_NEED_", "");

/** Returns the rules of an RPC for acting users. They are read from the descriptor once. */
export const actingRulesOf = oncePer((method: DescMethod): readonly ActingRule[] =>
  getOption(method, acting).map(({ need, field, orSelf, optional: isOptional, vouches: isVouching }): ActingRule => {
    const [valuesAt = nothing, selvesAt = nothing] = [reader(method.input, field), reader(method.input, orSelf)];
    return { need, field, valuesAt, orSelf, selvesAt, isOptional, isVouching };
  }),
);

/** Tells whether a caller that is bound to one user may call an RPC: not what is for administrators, needs a permission, or vouches. */
export const isForOneUser = (method: DescMethod): boolean =>
  !actingRulesOf(method).some(
    ({ need, field, isVouching }) => isVouching || need === ActingNeed.PERMISSION || (need === ActingNeed.ADMINISTRATOR && field === ""),
  );
