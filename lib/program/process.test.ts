/** Protects: whoever runs a program gets an answer in time, whatever the program does. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../../test/eventually.ts";
import { machineClock } from "../clock.ts";
import { readTextIfPresent } from "../files/files.ts";
import { ask, run } from "./process.ts";
import { start } from "./program.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "orlop-process-"));
});
afterAll(async () => await rm(directory, { recursive: true }));

const shell = (script: string): [string, ...string[]] => ["sh", "-c", script];

/** How long it took until the program was given up, by any clock: far below what it sleeps for. */
const longSeconds = 120;
async function isSoon(work: () => Promise<void>): Promise<void> {
  const startedMs = machineClock.elapsedMs();
  await work();
  expect(machineClock.elapsedMs() - startedMs).toBeLessThan(longSeconds * 500);
}

/** See proc_pid_stat(5); who has ended and was not waited for yet is a Z. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readTextIfPresent(`/proc/${pid}/stat`);
  return stat !== undefined && !/\) Z /.test(stat);
}

test("a program gives its output, and its exit code and last words when it fails", async () => {
  expect(await run(["cat"], { stdin: "hello" })).toEqual({ stdout: "hello", stderr: "" });
  expect(await run(["cat"], { stdin: new Uint8Array(0) })).toEqual({ stdout: "", stderr: "" });
  const large = "x".repeat(3_000_000);
  expect((await run(["cat"], { stdin: large })).stdout).toBe(large);
  expect(await run(["true"], { stdin: large })).toEqual({ stdout: "", stderr: "" });
  await expect(run(["cat", "/no/such/file"])).rejects.toMatchObject({
    code: "exit-status",
    message: "cannot run cat /no/such/file: it exited with 1: cat: /no/such/file: No such file or directory",
  });
});

test("an exit code is an answer to who asks, also that of a program that a signal ended", async () => {
  expect(await ask(shell("echo no; echo why >&2; exit 2"))).toEqual({ stdout: "no\n", stderr: "why\n", exitCode: 2 });
  expect(await ask(shell("kill -9 $$"))).toMatchObject({ exitCode: 137 });
});

test("a program that heeds no SIGTERM is killed, with what it started, and its caller learns that it took too long", async () => {
  const pid = join(directory, "pid");
  await isSoon(async () => {
    const script = `trap '' TERM; sleep ${longSeconds} & echo $! > ${pid}; wait; sleep ${longSeconds}`;
    await expect(run(shell(script), { limitMs: 1000 })).rejects.toMatchObject({
      code: "timed-out",
      message: expect.stringContaining("not done after 1 s"),
    });
  });
  await eventually(async () => expect(await isRunning(Number(await readFile(pid, "utf8")))).toBe(false));
});

test("what left the program's session and holds its output is not waited for", async () => {
  await isSoon(async () => {
    const script = `echo done; setsid sleep ${longSeconds} & echo $! >&2`;
    const { stdout, stderr } = await run(shell(script));
    expect(stdout).toBe("done\n");
    process.kill(Number(stderr), "SIGKILL");
  });
  await isSoon(async () => {
    const script = `setsid sleep ${longSeconds} & echo $! > ${directory}/held; sleep ${longSeconds}`;
    await expect(run(shell(script), { limitMs: 1000 })).rejects.toMatchObject({ code: "timed-out" });
    process.kill(Number(await readFile(join(directory, "held"), "utf8")), "SIGKILL");
  });
});

test("a program that prints without end is ended at its limit", async () => {
  await isSoon(async () => {
    await expect(run(["yes"], { outputBytesMost: 100_000 })).rejects.toMatchObject({
      code: "too-much-output",
      message: "cannot run yes: it prints more than 100000 bytes",
    });
    await expect(run(shell("yes >&2"), { outputBytesMost: 100_000 })).rejects.toMatchObject({
      code: "too-much-output",
    });
  });
  expect((await run(shell("head -c 100000 /dev/zero"), { outputBytesMost: 100_000 })).stdout.length).toBe(100_000);
});

test("a program ends with the signal of its caller, with that signal's reason", async () => {
  const stop = new AbortController();
  const running = run(["sleep", `${longSeconds}`], { signal: stop.signal });
  stop.abort(new Error("the daemon stops"));
  await isSoon(async () => await expect(running).rejects.toThrow("the daemon stops"));
  await expect(run(["true"], { signal: stop.signal })).rejects.toThrow("the daemon stops");
});

test("why a program cannot be started is told by its kind", async () => {
  const plain = join(directory, "plain");
  const script = join(directory, "script");
  await writeFile(plain, "text");
  await writeFile(script, "#!/no/such/interpreter\n", { mode: 0o755 });
  await chmod(script, 0o755);
  await expect(run(["no-such-program"])).rejects.toMatchObject({
    code: "no-such-program",
    message: "cannot run no-such-program: it was not found",
  });
  await expect(run([script])).rejects.toMatchObject({
    code: "no-such-program",
    message: `cannot run ${script}: its interpreter was not found`,
  });
  for (const cwd of ["/nonexistent", plain]) {
    await expect(run(["true"], { cwd })).rejects.toMatchObject({
      code: "cannot-start",
      message: `cannot run true in ${cwd}: there is no such directory`,
    });
  }
  await expect(run([plain])).rejects.toMatchObject({
    code: "cannot-start",
    message: `cannot run ${plain}: it is not executable`,
  });
  await expect(run(["true", "x".repeat(3_000_000)])).rejects.toMatchObject({
    code: "cannot-start",
    message: "cannot run true: its arguments and environment are too long",
  });
});

test("who has too many open files learns that, and not that there is no program", async () => {
  const modulePath = JSON.stringify(join(import.meta.dir, "process.ts"));
  const script = `
    const { run } = await import(${modulePath});
    const { openSync } = await import("node:fs");
    try { for (;;) openSync("/dev/null"); } catch {}
    try { await run(["true"]); } catch (error) { console.log(error.code, error.message); }
  `;
  const { stdout } = await run(["sh", "-c", `ulimit -n 64; exec "$0" -e "$1"`, process.execPath, script]);
  expect(stdout).toBe("cannot-start cannot run true: this process has too many open files\n");
});

test("a process that exits ends what it started, unless that outlives it", async () => {
  const modulePath = JSON.stringify(join(import.meta.dir, "program.ts"));
  const script = `
    const { start } = await import(${modulePath});
    const silent = { stdout: "ignore", stderr: "ignore" };
    const [ours, other] = [undefined, "outlives us"].map((session) =>
      start(["sleep", "${longSeconds}"], { ...silent, session }),
    );
    console.log(ours.pid, other.pid);
    process.exit(0);
  `;
  // Who runs the tests may want that nothing outlives them.
  const { stdout } = await run([process.execPath, "-e", script], { env: { PATH: process.env["PATH"] } });
  const [ours = 0, theirs = 0] = stdout.split(" ").map(Number);
  await eventually(async () => expect(await isRunning(ours)).toBe(false));
  expect(await isRunning(theirs)).toBe(true);
  process.kill(theirs, "SIGKILL");
});

test("what was started ends when it is disposed of, and what it had started as well", async () => {
  const pid = join(directory, "started");
  {
    await using program = start(shell(`sleep ${longSeconds} & echo $! > ${pid}; wait`), {
      stdout: "ignore",
      stderr: "ignore",
    });
    await eventually(async () => expect(await readFile(pid, "utf8")).toMatch(/\n/));
    expect(program.hasEnded).toBe(false);
  }
  await eventually(async () => expect(await isRunning(Number(await readFile(pid, "utf8")))).toBe(false));
});
