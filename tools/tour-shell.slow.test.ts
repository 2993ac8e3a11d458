import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { toursOf } from "./tours.ts";
import { TourShell, type BlockResult } from "./tour-shell.ts";

async function walked(...blocks: string[]): Promise<BlockResult[]> {
  const page = `## A tour\n${blocks.map((block) => `\`\`\`sh\n${block}\n\`\`\`\n`).join("")}`;
  const [tour] = toursOf(page);
  const where = { cwd: tmpdir(), env: process.env, log: () => undefined };
  await using shell = await TourShell.start(tour?.blocks ?? [], where);
  const results: BlockResult[] = [];
  for (const at of blocks.keys()) results.push(await shell.result(at));
  return results;
}

test("blocks run in one shell, on a terminal, and each has its own output", async () => {
  expect(await walked("cd /\nname=orlop", "pwd\necho $name\ntty > /dev/null && echo terminal")).toEqual([
    { output: "", exitCodes: [] },
    { output: "/\norlop\nterminal\n", exitCodes: [] },
  ]);
});

test("a command that fails is told with its exit code, and the next one runs", async () => {
  expect(await walked("sh -c 'exit 3'\necho on\nfalse", "true")).toEqual([
    { output: "on\n", exitCodes: [3, 1] },
    { output: "", exitCodes: [] },
  ]);
});

test("lines that were drawn over show what is left, without colours", async () => {
  // Two terminals, one behind the other, both end a line.
  expect((await walked(String.raw`printf 'far\r\n'`))[0]?.output).toBe("far\n");
  expect((await walked(String.raw`printf '10%%\r\033[2K\033[1mdone\033[0m\n'`))[0]?.output).toBe("done\n");
});

test("a program that takes the keyboard is left by the keys of its comment, and nothing is left for the next", async () => {
  const [left, next] = await walked("bash --norc   # exit leaves it", 'read -t 0.1 -r line\necho "<$line>"');
  expect(left?.exitCodes).toEqual([]);
  expect(next?.output).toContain("<>");
});

test("a shell that ends fails what is still to come", async () => {
  await expect(walked("echo before; exit 7", "echo after")).rejects.toThrow("the shell ended with 7: before");
});
