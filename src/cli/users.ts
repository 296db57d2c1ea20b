import { Command } from "commander";
import { userArgument, withClientOptions } from "./client-options.ts";
import { whenRun } from "./when-run.ts";
import { wholeNumber } from "./whole-number.ts";

/** Makes the command `userd users …`: its subcommands list, show and change users, as clients of a running service. */
export const usersCommand = (): Command =>
  new Command("users")
    .description("Look at the users of a running service, and make new ones.")
    .addCommand(
      withClientOptions(new Command("list").description("List users, by a search if one is given."))
        .argument("[search...]", 'as in ListUsers: jane is:staff email:jane@example.com name:"Jane Doe"')
        .option("--limit <n>", "most users to list", wholeNumber(1), 50)
        .option("--order <order>", 'id, username or date_joined, with " desc" for descending')
        .option("--deleted", "also those that are deleted")
        .option("--json", "print JSON")
        .action(whenRun(() => import("./users-list.ts"))),
    )
    .addCommand(
      withClientOptions(new Command("show").description("Show one user."))
        .argument(...userArgument)
        .option("--json", "print JSON")
        .action(whenRun(() => import("./users-show.ts"))),
    )
    .addCommand(
      withClientOptions(new Command("create").description("Create a user and print its id."))
        .option("--email <address>", "its address")
        .option("--username <name>", "its username; default: the address")
        .option("--name <name>", "its name")
        .option("--staff", "make it staff")
        .option("--superuser", "make it a superuser")
        .option("--json", "print the user as JSON")
        .action(whenRun(() => import("./users-create.ts"))),
    )
    .addCommand(
      withClientOptions(
        new Command("set-password").description("Set the password of a user: typed unseen, or the first line of standard input."),
      )
        .argument(...userArgument)
        .action(whenRun(() => import("./users-set-password.ts"))),
    );
