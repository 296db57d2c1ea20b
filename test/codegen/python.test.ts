import { globSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { formatAddress } from "../../src/server/sockets.ts";
import { needTools, root, run, runOk, temporaryFolder, venvPython } from "../foreign/tools.ts";
import { serviceWith } from "../options/service-with.ts";
import { createUser } from "../support/build.ts";
import { test } from "../support/service.ts";
import { definitionsFile, generate } from "./generate.ts";

const program = `
import sys, typing
import grpc
from userd.v1 import user_option_service_pb2_grpc
from user_options import Options

def expect(what, got, want):
    if got != want or type(got) is not type(want):
        sys.exit(f"{what}: got {got!r}, want {want!r}")

address, user = sys.argv[1], int(sys.argv[2])
with grpc.insecure_channel(address) as channel:
    options = Options(user_option_service_pb2_grpc.UserOptionServiceStub(channel), timeout=5)
    expect("default", options.theme(user), "system")
    options.set_theme(user, "dark")
    expect("read", options.theme(user), "dark")
    expect("large", options.max_items(user), 9007199254740991)
    options.set_max_items(user, 3, project_id=7)
    expect("of project", options.max_items(user, project_id=7), 3)
    expect("nothing", options.limit(user), None)
    expect("null", options.streamlined(user), None)
    options.set_streamlined(user, True)
    expect("not null", options.streamlined(user), True)
    options.set_deploy_emails(user, "2", organization_id=5)
    options.set_feature_assignment(user, {"a": [1.5, None]})
    expect("object", options.feature_assignment(user), {"a": [1.5, None]})
    expect("list", options.reports_disabled(user), [])
    expect("keyword", options.class_(user), "")
    expect("digit", options._2fa_mode(user), "totp")
    expect("types", typing.get_type_hints(options.theme)["return"], typing.Literal["light", "dark", "system"])
    expect("quotes", options.stacktrace_order.__doc__, "Say '''quotes''' and \\\\ and */ \\"")
    try:
        options.set_deploy_emails(user, "2")
        sys.exit("an organization is needed")
    except TypeError:
        pass
    try:
        options.theme(1 << 60)
        sys.exit("there is no such user")
    except LookupError:
        pass
print("ok")
`;

test("Python: the accessors compile, carry their types, and work against the service", { timeout: 120_000 }, async ({
  databaseUrl,
  service: _,
  skip,
}) => {
  needTools(skip, venvPython);
  await using own = await serviceWith(databaseUrl, { OPTION_DEFINITIONS: definitionsFile });
  await using folder = await temporaryFolder();
  const proto = join(root, "proto");
  const files = globSync(["userd/**/*.proto", "buf/**/*.proto", "google/rpc/status.proto"], { cwd: proto });
  const outputs = [`--python_out=${folder.path}`, `--grpc_python_out=${folder.path}`];
  await runOk(venvPython, ["-m", "grpc_tools.protoc", "-I", proto, ...outputs, ...files.sort()]);
  const address = formatAddress(own.app.grpcAddress);
  await generate("python", folder.path, ["--address", address]);
  await writeFile(join(folder.path, "program.py"), program);
  const env = { PYTHONPATH: folder.path, PYTHONDONTWRITEBYTECODE: "1" };
  await runOk(venvPython, [
    "-W",
    "error",
    "-c",
    `compile(open(${JSON.stringify(join(folder.path, "user_options.py"))}).read(), "x", "exec")`,
  ]);
  const { id } = await createUser(own);
  expect(await run(venvPython, [join(folder.path, "program.py"), address, String(id)], { env })).toEqual({
    code: 0,
    stdout: "ok\n",
    stderr: "",
  });
});
