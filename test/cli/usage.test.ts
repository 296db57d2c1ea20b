import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runUserd } from "../support/userd.ts";

describe("userd", { concurrent: true, timeout: 60_000 }, () => {
  test.for([
    [[]],
    [["serve"]],
    [["migrate"]],
    [["import"]],
    [["users", "show"]],
    [["options", "get"]],
    [["options", "set"]],
    [["options", "list"]],
    [["watch"]],
    [["audit"]],
    [["audit", "verify"]],
  ])("%s --help tells what the command takes", async ([command = []]) => {
    const { code, stdout, stderr } = await runUserd([...command, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^Usage: userd ${command.join(" ")}`));
    expect(stdout).toContain("--help");
  });

  test.for([
    [["bogus"], /unknown command 'bogus'/],
    [["users", "show"], /missing required argument 'user'/],
    [["options", "get", "1", "k", "--project", "x"], /It has to be an id: a number above 0\./],
    [["users", "show", "1", "--address", "a:99x"], /It has to be host:port, for example 127\.0\.0\.1:50051\./],
    [["users", "list", "--limit", "1e1"], /It has to be a whole number of at least 1\./],
    [["serve", "--workers", "0x2"], /It has to be a whole number from 1 to 64\./],
    [["serve", "--bogus"], /unknown option '--bogus'/],
  ] as [string[], RegExp][])("%s is wrong usage: code 2, the fault, and where help is", async ([command, fault]) => {
    const { code, stdout, stderr } = await runUserd(command);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(fault);
    expect(stderr).toMatch(/--help shows the options/);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });

  const system = "/usr/bin/node";
  test.skipIf(!existsSync(system))("starts on the machine's own Node, however old", async () => {
    expect(await runUserd(["--version"], { node: system })).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(await runUserd(["bogus"], { node: system })).toMatchObject({ code: 2 });
  });
});
