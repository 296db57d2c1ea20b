import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { formatAddress } from "../../src/server/sockets.ts";
import { needTools, root, run, runOk, temporaryFolder } from "../foreign/tools.ts";
import { serviceWith } from "../options/service-with.ts";
import { createUser } from "../support/build.ts";
import { test } from "../support/service.ts";
import { definitionsFile, generate } from "./generate.ts";

const program = `package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"userd/options"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func expect(what string, got, want any) {
	if got != want {
		fmt.Fprintf(os.Stderr, "%s: got %v, want %v\\n", what, got, want)
		os.Exit(1)
	}
}

func main() {
	ctx := context.Background()
	user := must(strconv.ParseInt(os.Args[2], 10, 64))
	connection := must(grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials())))
	o := options.New(connection)

	expect("default", must(o.Theme(ctx, user)), options.ThemeSystem)
	expect("set", o.SetTheme(ctx, user, options.ThemeDark), nil)
	expect("read", must(o.Theme(ctx, user)), options.ThemeDark)
	expect("minus", must(o.StacktraceOrder(ctx, user)), options.StacktraceOrderMinus1)
	expect("large", must(o.MaxItems(ctx, user)), int64(9007199254740991))
	expect("in project", o.SetMaxItems(ctx, user, 3, options.Scope{ProjectID: 7}), nil)
	expect("of project", must(o.MaxItems(ctx, user, options.Scope{ProjectID: 7})), int64(3))
	expect("nothing", must(o.Limit(ctx, user)) == nil, true)
	expect("null", must(o.Streamlined(ctx, user)) == nil, true)
	yes := true
	expect("nullable", o.SetStreamlined(ctx, user, &yes), nil)
	expect("not null", *must(o.Streamlined(ctx, user)), true)
	expect("organization", o.SetDeployEmails(ctx, user, options.DeployEmails2, 5), nil)
	expect("object", o.SetFeatureAssignment(ctx, user, map[string]any{"a": 1.5}), nil)
	expect("member", must(o.FeatureAssignment(ctx, user))["a"], 1.5)
	expect("list", len(must(o.ReportsDisabled(ctx, user))), 0)
	expect("any", must(o.Anything(ctx, user)), nil)
	expect("number", must(o.Ratio(ctx, user)), 0.5)
	expect("digit", must(o.X2faMode(ctx, user)), "totp")
	_, err := o.Theme(ctx, 1<<60)
	expect("no user", errors.Is(err, options.ErrNoUser), true)
	fmt.Println("ok")
}
`;

test("Go: the accessors compile, are formatted, and work against the service", { timeout: 300_000 }, async ({
  databaseUrl,
  service: _,
  skip,
}) => {
  needTools(skip, "go", "gofmt", "protoc-gen-go", "protoc-gen-go-grpc");
  await using own = await serviceWith(databaseUrl, { OPTION_DEFINITIONS: definitionsFile });
  await using folder = await temporaryFolder();
  for (const file of ["go.mod", "go.sum", "buf.gen.yaml", "deps"]) {
    await cp(join(root, "test/foreign/go", file), join(folder.path, file), { recursive: true });
  }
  const template = join(folder.path, "buf.gen.yaml");
  await runOk("buf", ["generate", root, "--path", join(root, "proto/userd/v1"), "--template", template, "--output", folder.path]);
  const address = formatAddress(own.app.grpcAddress);
  await generate("go", join(folder.path, "options"), ["--address", address]);
  expect(await runOk("gofmt", ["-l", join(folder.path, "options")])).toBe("");
  await mkdir(join(folder.path, "client"));
  await writeFile(join(folder.path, "client", "main.go"), program);
  await runOk("go", ["vet", "-mod=readonly", "./options", "./client"], { cwd: folder.path });
  await runOk("go", ["build", "-mod=readonly", "-o", "program", "./client"], { cwd: folder.path });
  const { id } = await createUser(own);
  const outcome = await run(join(folder.path, "program"), [address, String(id)]);
  expect(outcome).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
});
