import { OptionType } from "../../gen/userd/v1/option_definition_pb.ts";
import { type Accessor, assertDistinct, capital, type GeneratedFile, HEADER, types, wordsOf } from "./accessor.ts";

/** The Go types that have nil, which null becomes. */
const hasNil = new Set(["any", "map[string]any", "[]any"]);

/** The exported name in Go: it begins with a capital letter, also where a digit would come first. */
const goName = (words: readonly string[]): string => {
  const name = words.map(capital).join("");
  return /^\p{Lu}/u.test(name) ? name : `X${name}`;
};

const nameOf = ({ words }: Accessor): string => goName(words);

/** Tells whether the option is an enum of strings: it becomes a type of its own, with a constant for each value. */
const isNamed = ({ type, literals }: Accessor): boolean =>
  type === OptionType.ENUM && literals.every((literal) => typeof literal === "string");

const typeNameOf = (accessor: Accessor): string => `${nameOf(accessor)}Value`;

const constantsOf = (accessor: Accessor): [name: string, value: string][] =>
  isNamed(accessor)
    ? accessor.literals.map((literal) => [nameOf(accessor) + wordsOf(String(literal)).map(capital).join(""), JSON.stringify(literal)])
    : [];

const enumOf = (accessor: Accessor): string => {
  if (!isNamed(accessor)) return "";
  const type = typeNameOf(accessor);
  const constants = constantsOf(accessor);
  const width = Math.max(...constants.map(([name]) => name.length));
  return `
// ${type} is a value of the option ${accessor.key}.
type ${type} string

// The values of the option ${accessor.key}.
const (
${constants.map(([name, value]) => `\t${name.padEnd(width)} ${type} = ${value}`).join("\n")}
)
`;
};

/** The parameter that says where a value is set, and the scope that the parameter makes. */
const scopeOf = ({ scopes: { user, organization, project } }: Accessor): readonly [parameter: string, argument: string] => {
  if (user && !organization && !project) return ["", "Scope{}"];
  if (project && !user && !organization) return [", projectID int64", "Scope{ProjectID: projectID}"];
  if (organization && !user && !project) return [", organizationID int64", "Scope{OrganizationID: organizationID}"];
  return [", scope Scope", "scope"];
};

const methodsOf = (accessor: Accessor): string => {
  const [name, key] = [nameOf(accessor), JSON.stringify(accessor.key)];
  const type = isNamed(accessor) ? typeNameOf(accessor) : (types[accessor.type]?.go ?? "any");
  const [parameter, argument] = scopeOf(accessor);
  // Null and absence are nil: of a type that has one, else of a pointer.
  const isPointer = (accessor.nullable || !accessor.hasDefault) && !hasNil.has(type);
  const value = isPointer ? `*${type}` : type;
  const written = accessor.nullable ? value : type;
  const call = `resolve[${type}](ctx, o, ${key}, userID, scope)`;
  const deprecated = accessor.deprecated === "" ? "" : `//\n// Deprecated: ${accessor.deprecated}\n`;
  return `
// ${name} returns the effective value of ${accessor.key}.
//
// ${accessor.description}
${deprecated}func (o *Options) ${name}(ctx context.Context, userID int64, scope ...Scope) (${value}, error) {
	return ${isPointer ? call : `orZero(${call})`}
}

// Set${name} sets the user's own value of ${accessor.key}.
func (o *Options) Set${name}(ctx context.Context, userID int64, value ${written}${parameter}) error {
	return o.set(ctx, ${key}, userID, value, ${argument})
}
`;
};

/** The part of the file that does not depend on the definitions. */
const preamble = (importPath: string): string => `// ${HEADER}

// Package options reads and sets the options of users by typed accessors.
package options

import (
	"context"
	"encoding/json"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"

	userdv1 ${JSON.stringify(importPath)}
)

// ErrNoUser says that there is no such user.
var ErrNoUser = errors.New("there is no such user")

// Scope is a project or an organization; reads may name both, with neither it is the user's global scope.
type Scope struct {
	ProjectID, OrganizationID int64
}

// Options has a method for each option. What was stored before its definition was tightened is an error of encoding/json.
type Options struct {
	client userdv1.UserOptionServiceClient
}

// New makes the accessors over a connection to userd.
func New(connection grpc.ClientConnInterface) *Options {
	return &Options{client: userdv1.NewUserOptionServiceClient(connection)}
}

// resolve returns the effective value; nil is null, or that no level has a value.
func resolve[T any](ctx context.Context, o *Options, key string, userID int64, scope []Scope) (*T, error) {
	request := &userdv1.ResolveOptionsRequest{UserIds: []int64{userID}, Keys: []string{key}}
	for _, in := range scope {
		request.ProjectId, request.OrganizationId = max(request.ProjectId, in.ProjectID), max(request.OrganizationId, in.OrganizationID)
	}
	response, err := o.client.ResolveOptions(ctx, request)
	if err != nil {
		return nil, err
	}
	result := response.GetResults()[0]
	if !result.GetUserFound() {
		return nil, ErrNoUser
	}
	stored := result.GetOptions()[0].GetValue()
	if _, isNull := stored.GetKind().(*structpb.Value_NullValue); isNull || stored == nil {
		return nil, nil
	}
	text, err := stored.MarshalJSON()
	if err != nil {
		return nil, err
	}
	value := new(T)
	return value, json.Unmarshal(text, value)
}

func orZero[T any](value *T, err error) (T, error) {
	if value == nil {
		return *new(T), err
	}
	return *value, err
}

func (o *Options) set(ctx context.Context, key string, userID int64, value any, scope Scope) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	stored := new(structpb.Value)
	if err := stored.UnmarshalJSON(text); err != nil {
		return err
	}
	_, err = o.client.SetOption(ctx, &userdv1.SetOptionRequest{
		UserId: userID, Key: key, Value: stored, ProjectId: scope.ProjectID, OrganizationId: scope.OrganizationID,
	})
	return err
}
`;

/** Generates a file of typed accessors for Go, which call the stubs of grpc-go. `importPath` is the path of the Go package of userd.v1. */
export const go = (accessors: readonly Accessor[], importPath: string): GeneratedFile => {
  const namesOf = (accessor: Accessor) => [nameOf(accessor), `Set${nameOf(accessor)}`];
  assertDistinct(accessors.flatMap((accessor) => namesOf(accessor).map((name) => [name, accessor.key] as const)));
  const declared = accessors.flatMap((accessor) =>
    [...(isNamed(accessor) ? [typeNameOf(accessor)] : []), ...constantsOf(accessor).map(([name]) => name)].map(
      (name) => [name, accessor.key] as const,
    ),
  );
  assertDistinct([...declared, ...["Scope", "Options", "New", "ErrNoUser"].map((name) => [name, "(the package)"] as const)]);
  return { name: "options.go", text: preamble(importPath) + accessors.map((accessor) => enumOf(accessor) + methodsOf(accessor)).join("") };
};
