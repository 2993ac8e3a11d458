import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuestShell } from "./guest-shell.ts";

/** A console with a real bash behind it, which reads from a pipe and so needs no terminal. */
async function consoleWithBash(): Promise<AsyncDisposable & { path: string }> {
  const directory = await mkdtemp(join(tmpdir(), "shell-"));
  const path = join(directory, "shell.sock");
  const bash = Bun.spawn(["bash", "--noprofile", "--norc"], { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
  const server = createServer((socket) => {
    socket.write("the boot loader's menu\r\nbash-5.2# ");
    socket.on("data", (bytes) => {
      void bash.stdin.write(bytes);
      void bash.stdin.flush();
    });
    void (async () => {
      for await (const bytes of bash.stdout) socket.write(bytes);
    })();
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    async [Symbol.asyncDispose]() {
      bash.kill();
      await bash.exited;
      server.close();
      await rm(directory, { recursive: true });
    },
  };
}

test("commands run one after another, each with its output and exit code", async () => {
  await using console = await consoleWithBash();
  await using shell = await GuestShell.connect(console.path, AbortSignal.timeout(5000));
  const [first, second] = await Promise.all([
    shell.run("echo one; echo 1>&2 two"),
    shell.try("printf %s 'a b'; exit 3"),
  ]);
  expect(first).toBe("one\ntwo");
  expect(second).toEqual({ output: "a b", exitCode: 3 });
});

test("quotes, newlines, dollars and what looks like an end reach the command as they are", async () => {
  await using console = await consoleWithBash();
  await using shell = await GuestShell.connect(console.path, AbortSignal.timeout(5000));
  expect(await shell.run(`x='it'"'"'s'\necho "$x"\nprintf 'end 1 0\\n'`)).toBe("it's\nend 1 0");
});

test("a command that fails, or is no shell at all, is told with its output", async () => {
  await using console = await consoleWithBash();
  await using shell = await GuestShell.connect(console.path, AbortSignal.timeout(5000));
  await expect(shell.run("echo why; false")).rejects.toThrow(/with 1: why$/);
  expect((await shell.try("if then (")).exitCode).toBe(2);
  expect(await shell.run("echo still here")).toBe("still here");
});

test("a command without end is given up in time", async () => {
  await using console = await consoleWithBash();
  await using shell = await GuestShell.connect(console.path, AbortSignal.timeout(5000));
  await expect(shell.run("echo begun; sleep 20", 200)).rejects.toMatchObject({ code: "guest-command" });
});

test("a shell that goes away after its prompt is given up for the next one", async () => {
  const directory = await mkdtemp(join(tmpdir(), "shell-"));
  const path = join(directory, "shell.sock");
  const greetings: string[] = [];
  const server = createServer((socket) => {
    socket.write("bash-5.2# ");
    socket.on("data", (bytes) => {
      greetings.push(bytes.toString());
      // The first one dies unheard; the machine goes down, comes up again, and asks anew.
      if (greetings.length === 1) socket.write("\r\nBdsDxe: starting Boot0001\r\nbash-5.2# ");
      else socket.write(`ready ${/ready %s\\n' (\S+);/.exec(greetings[1] ?? "")?.[1]}\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  await using shell = await GuestShell.connect(path, AbortSignal.timeout(5000));
  expect(greetings.length).toBe(2);
  await shell[Symbol.asyncDispose]();
  server.close();
  await rm(directory, { recursive: true });
});
