import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../../errors.ts";
import { durationFault, timestampFault } from "../../moment.ts";
import { holds } from "./holds.ts";

/** A fault, and its path below the message that was looked at. */
type Fault = { readonly path: string; readonly description: string };

type Look = (value: object) => Fault | undefined;

const whole =
  <T>(faultOf: (value: T) => string | undefined): Look =>
  (value) => {
    const description = faultOf(value as T);
    return description === undefined ? undefined : { path: "", description };
  };

const times: ReadonlyMap<string, Look> = new Map([
  ["google.protobuf.Timestamp", whole<Timestamp>(timestampFault)],
  ["google.protobuf.Duration", whole<Duration>(durationFault)],
]);

const below = (step: string, fault: Fault | undefined): Fault | undefined =>
  fault && { ...fault, path: fault.path === "" || fault.path.startsWith("[") ? step + fault.path : `${step}.${fault.path}` };

/** Looks at all that a list or a map holds. */
const eachOf =
  (look: Look): Look =>
  (values) => {
    for (const key in values) {
      const fault = look((values as Record<string, object>)[key] as object);
      if (fault !== undefined) return below(`[${Array.isArray(values) ? key : JSON.stringify(key)}]`, fault);
    }
    return undefined;
  };

/** Looks at one field of a message, if it is set. */
const lookAt = (field: DescField, lookOf: (desc: DescMessage) => Look): Look => {
  const { name, localName, oneof, message: type } = field;
  if (type === undefined) return () => undefined;
  const item: Look = (value) => lookOf(type)(value);
  const look = field.fieldKind === "message" ? item : eachOf(item);
  return (message) => {
    const given = (message as Record<string, unknown>)[oneof?.localName ?? localName] as object | undefined;
    const choice = given as { case?: string; value?: object } | undefined;
    const value = oneof === undefined ? given : choice?.case === localName ? choice.value : undefined;
    return value && below(name, look(value));
  };
};

/**
 * Makes the function that checks all timestamps and durations in requests of one message type; undefined = the type can hold none. A timestamp
 * has to be in the years 1 to 9999, in a binary request as in JSON.
 */
export const timesCheck = (input: DescMessage): ((message: Message) => void) | undefined => {
  if (!holds(times, input)) return undefined;
  const looks = new Map<DescMessage, Look>();
  const lookOf = (desc: DescMessage): Look => {
    const known = looks.get(desc) ?? times.get(desc.typeName);
    if (known !== undefined) return known;
    const fields = desc.fields
      .filter(({ message }) => message !== undefined && holds(times, message))
      .map((field) => lookAt(field, lookOf));
    const look: Look = (message) => {
      for (const lookAtField of fields) {
        const fault = lookAtField(message);
        if (fault !== undefined) return fault;
      }
      return undefined;
    };
    looks.set(desc, look);
    return look;
  };
  return (message) => {
    const fault = lookOf(input)(message);
    if (fault !== undefined) throw invalidField(fault.path, fault.description);
  };
};
