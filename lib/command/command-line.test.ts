import { describe, expect, test } from "bun:test";
import { invoke } from "./command-line.ts";
import { commandsWith, program, type Invocation } from "./command.ts";
import { Failure } from "../failure.ts";
import { readToEnd } from "../files/read-to-end.ts";

type Shop = { stock: string[]; invocation: Invocation; loud: boolean };
const command = commandsWith<Shop>();

const shop = program<Shop, { readonly loud: { type: "boolean"; help: string; short: "l" } }>({
  name: "shop",
  summary: "Sells things",
  version: "1.2.3",
  options: { loud: { type: "boolean", help: "Shout", short: "l" } },
  groups: { order: "Orders of customers" },
  unnamed: { command: "raw", options: ["-u", "--uri"] },
  context: (invocation, { loud }) => ({ stock: ["rope", "sail"], invocation, loud }),
  commands: [
    command({
      name: "list",
      summary: "List what is there",
      examples: [{ run: "shop list rope", description: "only rope" }],
      options: {
        colour: { type: "text", value: "COLOUR", help: "Of this colour", choices: ["red", "blue"], default: "red" },
        not: { type: "text", value: "NAME", help: "Leave out", many: true, short: "n" },
      },
      arguments: { names: { value: "NAME", help: "What to list", many: true, optional: true } },
      run: ({ stock, loud }, { names, colour, not }) => {
        const listed = stock.filter((name) => (names.length === 0 || names.includes(name)) && !not.includes(name));
        return Promise.resolve({ colour, listed: loud ? listed.map((name) => name.toUpperCase()) : listed });
      },
      print: ({ colour, listed }) => listed.map((name) => `${colour} ${name}`).join("\n"),
      exitCode: ({ listed }) => (listed.length > 0 ? 0 : 1),
    }),
    command({
      name: "order send",
      summary: "Send an order",
      description: "It is\nweighed.\n\nIt is sent.",
      examples: [{ run: "shop order send --weight 3", description: "sends 3 kg" }],
      options: {
        weight: {
          type: "text",
          value: "KG",
          help: "Weight",
          required: true,
          parse(text: string) {
            if (!/^\d+$/.test(text)) throw new Failure("bad-key", `a whole number is expected, not "${text}"`);
            return Number(text);
          },
        },
      },
      async run({ invocation }, { weight }) {
        if (weight > 100) throw new Failure("too-long", `cannot send ${weight} kg: at most 100`, { hint: "split it" });
        return { weight: weight + 1, note: new TextDecoder().decode(await readToEnd(invocation.stdin(), 1000)) };
      },
    }),
    command({
      name: "raw",
      summary: "Talk to the shop",
      examples: [{ run: "shop raw -u /", description: "says /" }],
      options: {
        uri: { type: "text", value: "URI", help: "Where", short: "u", required: true },
        method: { type: "text", value: "METHOD", help: "How", short: "m", alsoShort: "X" },
      },
      run: (_shop, { uri, method }) => Promise.resolve(`${method ?? "GET"} ${uri}`),
    }),
    command({
      name: "exec",
      summary: "Run something",
      examples: [{ run: "shop exec ls -l", description: "runs ls -l" }],
      passThrough: {},
      options: { tty: { type: "boolean", help: "With a terminal", short: "t" } },
      arguments: { words: { value: "WORD", help: "What to run", many: true } },
      run: (_shop, { tty, words }) => Promise.resolve({ tty, words }),
    }),
  ],
});

const run = async (...words: string[]) => await invoke(shop, words);

describe("a command line", () => {
  test("prints text for people, and the data as JSON when asked", async () => {
    expect(await run("list", "sail")).toEqual({ stdout: "red sail\n", stderr: "", exitCode: 0 });
    const { stdout } = await run("list", "--json", "--colour", "blue");
    expect(JSON.parse(stdout)).toEqual({ colour: "blue", listed: ["rope", "sail"] });
  });

  test("takes options of the program before and after the command", async () => {
    expect((await run("--loud", "list")).stdout).toBe("red ROPE\nred SAIL\n");
    expect((await run("list", "-l")).stdout).toBe("red ROPE\nred SAIL\n");
  });

  test("collects options that may be repeated, and refuses to be told others twice", async () => {
    expect((await run("list", "-n", "rope", "--not", "sail")).exitCode).toBe(1);
    const twice = await run("list", "--colour", "red", "--colour", "blue");
    expect(twice.exitCode).toBe(2);
    expect(twice.stderr).toContain("--colour may be given once only");
  });

  test("exits 1 when the result tells of a failure, with the result on stdout", async () => {
    expect(await run("list", "anchor")).toEqual({ stdout: "", stderr: "", exitCode: 1 });
  });

  test("explains a failure on stderr, hint last, and exits 1", async () => {
    expect(await run("order", "send", "--weight", "101")).toEqual({
      stdout: "",
      stderr: "shop: cannot send 101 kg: at most 100\nhint: split it\n",
      exitCode: 1,
    });
  });

  test("reads standard input and prints data without a text form as JSON", async () => {
    const { stdout } = await invoke(shop, ["order", "send", "--weight=4"], { stdin: "mind the step" });
    expect(JSON.parse(stdout)).toEqual({ weight: 5, note: "mind the step" });
  });

  test.each([
    [["lst"], "shop: unknown command 'lst' (did you mean list?)", "shop --help"],
    [["list", "--color", "red"], "unknown option '--color' (did you mean --colour?)", "shop list --help"],
    [["list", "--colour", "green"], 'the option --colour must be one of red, blue, not "green"', "shop list --help"],
    [["order"], "a command is expected after `shop order`: one of send", "shop order --help"],
    [["order", "send"], "the option --weight KG is required: weight", "shop order send --help"],
    [["order", "send", "--weight", "x"], 'the option --weight: a whole number is expected, not "x"', "send --help"],
    [["order", "send", "--weight", "1", "y"], "too many arguments for 'send'", "shop order send --help"],
    [["exec"], "missing required argument 'WORD'", "shop exec --help"],
    [[], "a command is expected after `shop`: one of list, order, raw, exec, completion", "shop --help"],
  ])("says what is wrong with %j, where help is, and exits 2", async (words, message, see) => {
    const { stdout, stderr, exitCode } = await run(...words);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr).toEndWith(`${see}\`\n`);
    expect(exitCode).toBe(2);
  });

  test("shows help with examples on stdout, for the program and for a command", async () => {
    expect((await run("order", "send", "--help")).stdout).toContain("Send an order\n\nIt is weighed.\n\nIt is sent.\n");
    const whole = await run("--help");
    expect(whole.exitCode).toBe(0);
    expect(whole.stdout).toContain("Orders of customers");
    const { stdout } = await run("list", "--help");
    expect(stdout).toContain("Usage: shop list [options] [NAME...]");
    expect(stdout).toContain("one of red, blue; default red");
    expect(stdout).toContain("shop list rope  only rope");
    expect((await run("help", "list")).stdout).toBe(stdout);
    expect((await run("--version")).stdout).toBe("shop 1.2.3\n");
  });

  test("means the unnamed command when one of its options is there and no command is", async () => {
    expect((await run("-u", "/tx", "-X", "POST")).stdout).toBe("POST /tx\n");
    expect((await run("-l", "--uri=/tx")).stdout).toBe("GET /tx\n");
    expect((await run("raw", "-u", "/tx", "-m", "PUT")).stdout).toBe("PUT /tx\n");
  });

  test("leaves the words of a pass-through command alone", async () => {
    const { stdout } = await run("exec", "-t", "ls", "-l", "--help", "--", "-t");
    expect(JSON.parse(stdout)).toEqual({ tty: true, words: ["ls", "-l", "--help", "--", "-t"] });
  });
});
