/** A program with a command of every shape, for tests of what is derived from commands. */
import { commandsWith, program } from "../../lib/command/command.ts";

const command = commandsWith<object>();
const keys = ["settings.motd", "settings.ntp.time-servers"];
export const boat = program({
  name: "boat",
  summary: "A boat",
  version: "1",
  options: { harbour: { type: "text", value: "NAME", help: "Where it lies", short: "h", choices: ["home", "away"] } },
  groups: { sail: "Sails" },
  context: () => ({}),
  commands: [
    command({
      name: "sail set",
      summary: "Set a sail",
      examples: [{ run: "boat sail set main", description: "sets it" }],
      options: { file: { type: "text", value: "PATH", help: "A plan", complete: "files" } },
      arguments: {
        which: { value: "SAIL", help: "Which", choices: ["main", "jib"] },
        keys: {
          value: "KEY=VALUE",
          help: "How",
          many: true,
          complete: () => keys.map((key) => ({ value: `${key}=`, help: "a key" })),
        },
      },
      run: () => Promise.resolve(1),
      print: String,
    }),
    command({
      name: "shore",
      summary: "Talk to the shore",
      examples: [{ run: "boat shore hello", description: "says hello" }],
      passThrough: { complete: (words) => Promise.resolve([{ value: words.join("+") }]) },
      arguments: { words: { value: "WORD", help: "What", many: true } },
      run: () => Promise.resolve(1),
    }),
  ],
});
