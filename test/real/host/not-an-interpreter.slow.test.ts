/**
 * The executable of a host runs what was compiled into it and nothing else. Whoever can start it and choose its
 * arguments, environment and working directory gets no JavaScript to run and no debugger to connect to.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sealed } from "../../../programs/bun-executable.ts";
import { compileHost } from "../../../programs/compile.ts";
import { executable, names } from "../../../host/names.ts";
import { ask } from "../../../lib/program/process.ts";

const mark = "EVALUATED";
let directory = "";
let program = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "interpreter-"));
  program = join(directory, executable);
  await compileHost(process.arch === "arm64" ? "aarch64" : "x86_64", program);
  for (const name of [...names, "bun", "bunx", "node"]) await symlink(executable, join(directory, name));
  await Bun.write(join(directory, "evil.js"), `console.log("${mark}")`);
}, 60_000);

afterAll(async () => {
  await rm(directory, { recursive: true });
});

async function run(name: string, words: readonly string[], env: Record<string, string> = {}, cwd = directory) {
  return await ask([join(directory, name), ...words], { env: { PATH: "/usr/bin:/bin", ...env }, cwd });
}

test("it is the program that was compiled", async () => {
  const { stdout, exitCode } = await run("apiclient", ["--version"]);
  expect(stdout).toStartWith("apiclient ");
  expect(exitCode).toBe(0);
});

describe("with a hostile environment it does what it does without", () => {
  test.each([
    ["BUN_BE_BUN", "1"],
    ["BUN_OPTIONS", "--preload ./evil.js"],
    ["BUN_OPTIONS", "--preload=./evil.js --inspect-wait=127.0.0.1:0"],
    ["BUN_OPTIONS", "-e console.log('EVALUATED')"],
    ["BUN_OPTIONS", "run ./evil.js"],
    ["BUN_INSPECT_PRELOAD", "./evil.js"],
    ["BUN_INSPECT", "ws://127.0.0.1:0/"],
    ["BUN_INSPECT", "ws://127.0.0.1:0/?wait=1"],
    ["BUN_INSPECT_NOTIFY", "unix:///tmp/nobody-listens"],
    ["NODE_OPTIONS", "--require ./evil.js --import ./evil.js"],
    ["NODE_PATH", "."],
  ])("%s=%s", async (name, value) => {
    const plain = await run("apiclient", ["--version"]);
    expect(await run("apiclient", ["--version"], { [name]: value })).toEqual(plain);
    // Words that a general Bun would understand are wrong usage here.
    const words = ["-e", `console.log("${mark}")`];
    const refused = await run("apiclient", words, { [name]: value });
    expect(refused.stdout).toBe("");
    expect(refused.exitCode).toBe(2);
  });
});

describe("called by the name of an interpreter", () => {
  test.each(["bun", "bunx", "node"])("%s, it knows only its own programs", async (name) => {
    for (const words of [["-e", `console.log("${mark}")`], ["./evil.js"], ["run", "./evil.js"]]) {
      const { stdout, stderr, exitCode } = await run(name, words);
      expect(stdout).toBe("");
      expect(stderr).toContain("is none of hostd, apiclient");
      expect(exitCode).toBe(2);
    }
  });
});

test.each([
  ["bunfig.toml", 'preload = ["./evil.js"]\n'],
  [".env", "BUN_OPTIONS=--preload=./evil.js\nBUN_BE_BUN=1\n"],
  ["tsconfig.json", '{"compilerOptions": {"paths": {"*": ["./evil.js"]}}}'],
  ["package.json", '{"main": "./evil.js", "imports": {"#x": "./evil.js"}}'],
])("%s in the working directory is not read", async (file, content) => {
  const cwd = join(directory, "cwd");
  await mkdir(cwd, { recursive: true });
  try {
    await Bun.write(join(cwd, "evil.js"), `console.log("${mark}")`);
    await Bun.write(join(cwd, file), content);
    expect(await run("apiclient", ["--version"], {}, cwd)).toEqual(await run("apiclient", ["--version"]));
  } finally {
    await rm(cwd, { recursive: true });
  }
});

test("no debugger listens while it runs, whatever the environment asks for", async () => {
  const socket = join(directory, "silent.sock");
  const accepted = Promise.withResolvers<void>();
  const server = createServer(() => accepted.resolve());
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const inspect = "ws://127.0.0.1:0/debug";
  const child = Bun.spawn([join(directory, "apiclient"), "-s", socket, "raw", "-u", "/"], {
    env: { BUN_INSPECT: inspect, BUN_INSPECT_CONNECT_TO: inspect, BUN_OPTIONS: "--inspect=127.0.0.1:0" },
    stdout: "pipe",
    stderr: "pipe",
  });
  try {
    await accepted.promise; // it runs, and waits for an answer
    expect(await listeningSockets(child.pid)).toEqual([]);
  } finally {
    child.kill();
    await child.exited;
    server.close();
  }
});

test("the check for a debugger sees a listening socket", async () => {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  expect(server.port).toBeGreaterThan(0);
  expect((await listeningSockets(process.pid)).length).toBeGreaterThan(0);
});

/** Inodes of TCP sockets that `pid` listens on. */
async function listeningSockets(pid: number): Promise<string[]> {
  const { stdout } = await ask(["find", `/proc/${pid}/fd`, "-lname", "socket:*", "-printf", "%l\n"]);
  const own = new Set([...stdout.matchAll(/socket:\[(\d+)\]/g)].map(([, inode]) => inode));
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => readFile(`/proc/${pid}/net/${name}`, "utf8")));
  const listening = "0A"; // include/net/tcp_states.h
  return tables
    .flatMap((table) => table.split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .flatMap((columns) => (columns[3] === listening && own.has(columns[9]) ? [columns[9] ?? ""] : []));
}

test("sealing refuses an executable that does not read the variables it knows", () => {
  expect(() => sealed(Buffer.from("xx BUN_OPTIONS BUN_INSPECT"))).toThrow("it does not contain BUN_BE_BUN");
});

test("sealing takes every variable, and leaves the debugger's own source alone", () => {
  const before = "\0BUN_BE_BUN\0BUN_OPTIONSBUN_INSPECTBUN_INSPECT_PRELOAD process.env.BUN_INSPECT_NOTIFY BUN_OPTIONS";
  expect(Buffer.from(sealed(Buffer.from(before))).toString()).toBe(
    "\0\0UN_BE_BUN\0\0UN_OPTIONS\0UN_INSPECT\0UN_INSPECT_PRELOAD process.env.BUN_INSPECT_NOTIFY \0UN_OPTIONS",
  );
});
