import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { missingIn, toursOf } from "./tours.ts";

const page = `# Orlop
\`\`\`sh
not a tour
\`\`\`
## A tour
Words.
\`\`\`sh
one
two   # exit code 3
\`\`\`
prints
\`\`\`text
one … two
three
\`\`\`
### Inside
\`\`\`sh
bash   # exit leaves it
\`\`\`
\`\`\`sh
console   # Ctrl-] leaves it
\`\`\`
## After
\`\`\`sh
not a tour
\`\`\`
`;

test("tours are the blocks of commands below their headings, with what they print", () => {
  const none = { shows: [], fails: [], leaves: undefined };
  expect(toursOf(page)).toEqual([
    {
      name: "A tour",
      blocks: [{ ...none, line: 8, commands: "one\ntwo   # exit code 3\n", shows: ["one … two", "three"], fails: [3] }],
    },
    {
      name: "Inside",
      blocks: [
        { ...none, line: 18, commands: "bash   # exit leaves it\n", leaves: "exit\n" },
        { ...none, line: 21, commands: "console   # Ctrl-] leaves it\n", leaves: "\u001d" },
      ],
    },
  ]);
});

test("what is shown is looked for line by line, in order, with room for what differs", () => {
  const output = "noise\nhost   web, up 3 s\nmore\nstate  running\n";
  expect(missingIn(output, ["host web, up … s", "state running"])).toBeUndefined();
  expect(missingIn(output, ["state running", "host …"])).toBe("host …");
  expect(missingIn(output, ["host web"])).toBe("host web");
  expect(missingIn(output, ["state degraded"])).toBe("state degraded");
});

const toursIn = async (page: string) => toursOf(await readFile(join(import.meta.dir, "..", page), "utf8"));
const tours = await toursIn("README.md");
const allTours = [
  ...tours,
  ...(await toursIn("docs/arm64.md")),
  ...(await toursIn("docs/kernel-modules.md")),
  ...(await toursIn("docs/own-variant.md")),
  ...(await toursIn("docs/publish.md")),
  ...(await toursIn("docs/ecs.md")),
];

test("the README has tours, and each of them shows what it does", () => {
  expect(tours.map(({ name }) => name)).toEqual([
    "A tour",
    "Updates",
    "Containers of the host",
    "A node of Kubernetes",
    "A fleet of two nodes",
  ]);
  for (const { name, blocks } of allTours) {
    expect({ name, shows: blocks.flatMap(({ shows }) => shows).length }).not.toMatchObject({ shows: 0 });
  }
});

test("a command that takes the keyboard stands alone: what is pasted behind it would be typed into it", () => {
  for (const { commands, leaves } of allTours.flatMap(({ blocks }) => blocks)) {
    if (leaves !== undefined) expect(commands.trimEnd().split("\n")).toHaveLength(1);
  }
});

test("nothing is left in the background of the shell, where its readiness is not known", () => {
  for (const { commands } of allTours.flatMap(({ blocks }) => blocks)) expect(commands).not.toMatch(/&\s*$/m);
});
