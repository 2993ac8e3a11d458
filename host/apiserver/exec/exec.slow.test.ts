/** Programs in a container through the daemon's API: real containerd, runc, websockets and client. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { WebSocket, type ClientOptions } from "ws-8";
import { connect } from "../../../api/client/client.ts";
import { bytesOf, contentCompleteMessage, initializeMessage, readServerMessage } from "../../../api/exec.ts";
import type { ExecRequest } from "../../../api/client/exec-client.ts";
import { invoke } from "../../../lib/command/command-line.ts";
import { TestAuthority, type ClientCertificate } from "../../../test/worlds/network/certificates.ts";
import { eventually } from "../../../test/eventually.ts";
import { hostWithContainer, type HostWithContainer } from "../../../test/real/host/host-with-container.ts";
import { apiclient } from "../../commands/apiclient.ts";

let host: HostWithContainer;
beforeAll(async () => {
  host = await hostWithContainer("probe");
}, 120_000);
afterAll(async () => host?.[Symbol.asyncDispose]());

const exec = async (words: readonly string[], stdin: string | Uint8Array = "") =>
  await invoke(apiclient, ["-s", host.socket, "exec", ...words], { stdin });

/** Input that is typed as the test goes on, and output as it comes. */
class Person {
  output = "";
  readonly #stop = new AbortController();
  readonly #typed = new TransformStream<Uint8Array, Uint8Array>();
  readonly #keys = this.#typed.writable.getWriter();
  #resized: (size: { rows: number; cols: number }) => void = () => undefined;

  starts(command: readonly string[], size?: { rows: number; cols: number }): Promise<number> {
    const request: ExecRequest = {
      target: "probe",
      command,
      input: this.#typed.readable,
      output: async (bytes) => void (this.output += Buffer.from(bytes).toString()),
      signal: this.#stop.signal,
      ...(size === undefined ? {} : { terminal: { size, onResize: (listener) => void (this.#resized = listener) } }),
    };
    return host.api.exec(request);
  }

  async types(text: string): Promise<void> {
    await this.#keys.write(Buffer.from(text));
  }

  async endsInput(): Promise<void> {
    await this.#keys.close();
  }

  resizes(rows: number, cols: number): void {
    this.#resized({ rows, cols });
  }

  vanishes(): void {
    this.#stop.abort(new Error("the person went away"));
  }

  async sees(text: string): Promise<void> {
    await eventually(async () => expect(this.output).toContain(text));
  }
}

/** What runs in the container, by its command line. */
const processes = async (): Promise<string> => (await exec(["probe", "ps", "-o", "args"])).stdout;

test("output, both streams, and the exit code come through", async () => {
  const { stdout, exitCode } = await exec(["probe", "sh", "-c", "echo out; echo err >&2; exit 42"]);
  expect(stdout.split("\n").toSorted()).toEqual(["", "err", "out"]);
  expect(exitCode).toBe(42);
});

test("a program killed by a signal gives 128 and its number", async () => {
  expect((await exec(["probe", "sh", "-c", "kill -9 $$"])).exitCode).toBe(137);
});

test("a program has the environment of the container, and arguments come as they are", async () => {
  const { stdout } = await exec(["probe", "sh", "-c", 'echo "$FROM_IMAGE|$TERM|$1|$2"', "-", "a b", '--"ü']);
  expect(stdout).toBe('yes||a b|--"ü\n');
});

test("separators may stand before the container and before the program", async () => {
  expect((await exec(["--", "probe", "--", "echo", "--", "-t"])).stdout).toBe("-- -t\n");
});

test("a program that is not there gives 127 and says so", async () => {
  const { stdout, exitCode } = await exec(["probe", "no-such-program"]);
  expect(exitCode).toBe(127);
  expect(stdout).toContain("no-such-program");
});

test("input goes in to its end, half-closed: a megabyte comes back from cat", async () => {
  const bytes = Buffer.alloc(1024 * 1024, "0123456789abcde\n");
  const { stdout, exitCode } = await exec(["probe", "cat"], bytes);
  expect(exitCode).toBe(0);
  expect(stdout === bytes.toString()).toBe(true);
});

test("a program that reads slowly slows the client down, and gets every byte", async () => {
  const bytes = Buffer.alloc(8 * 1024 * 1024, "0123456789abcde\n");
  const { stdout } = await exec(["probe", "sh", "-c", "sleep 2; wc -c"], bytes);
  expect(stdout.trim()).toBe(String(bytes.length));
});

test("a program that ends without reading its input gives its exit code", async () => {
  expect((await exec(["probe", "sh", "-c", "exit 3"], Buffer.alloc(4 * 1024 * 1024))).exitCode).toBe(3);
});

test("of -t and -T the last one counts", async () => {
  expect((await exec(["-t", "-T", "probe", "tty"])).stdout).toBe("not a tty\n");
  expect((await exec(["--no-tty", "--tty", "probe", "tty"])).stdout).toContain("/dev/pts/");
});

test("much output comes whole", async () => {
  const { stdout } = await exec(["probe", "sh", "-c", "head -c 20000000 /dev/zero | tr '\\0' x"]);
  expect(stdout.length).toBe(20_000_000);
});

test("a program whose child holds the output open has ended all the same", async () => {
  const beganMs = performance.now();
  const { stdout, exitCode } = await exec(["probe", "sh", "-c", "sleep 5 & echo done; exit 5"]);
  expect({ stdout, exitCode }).toEqual({ stdout: "done\n", exitCode: 5 });
  expect(performance.now() - beganMs).toBeLessThan(3000);
});

test("a terminal has the size of the person's, and follows it", async () => {
  const person = new Person();
  const ended = person.starts(["sh"], { rows: 33, cols: 111 });
  await person.types("stty size; echo $TERM; tty\n");
  await person.sees("33 111");
  await person.sees("xterm-256color");
  await person.sees("/dev/pts/");
  person.resizes(44, 222);
  await eventually(async () => {
    await person.types("stty size\n");
    await person.sees("44 222");
  });
  await person.types("exit 7\n");
  expect(await ended).toBe(7);
});

test("Ctrl-C in a terminal is a signal to the program, and Ctrl-D the end of its input", async () => {
  const person = new Person();
  // A signal that comes before a program has started is trapped once that ends: what waits for it has to end by itself.
  const script = "trap 'echo trapped; trapped=1' INT; echo ready; until [ $trapped ]; do sleep 0.1; done; cat; exit 9";
  const ended = person.starts(["sh", "-c", script], { rows: 24, cols: 80 });
  await person.sees("ready");
  await person.types("\x03");
  await person.sees("trapped");
  await person.types("\x04");
  expect(await ended).toBe(9);
});

test("apiclient gives the program the terminal it is called from: size, keys, and no echo of its own", async () => {
  let output = "";
  const decoder = new TextDecoder();
  await using terminal = new Bun.Terminal({
    cols: 101,
    rows: 31,
    data: (_, bytes) => void (output += decoder.decode(bytes)),
  });
  const words = ["apiclient", "-s", host.socket, "exec", "probe", "sh", "-c"];
  const script = "stty size; read line; echo got $line; trap 'stty size; exit 6' INT; cat";
  const client = Bun.spawn([process.execPath, "host/main.ts", ...words, script], { terminal });
  await eventually(async () => expect(output).toContain("31 101"));
  terminal.write("typed\r");
  await eventually(async () => expect(output).toContain("got typed"));
  // Echoed once, by the terminal in the container.
  expect(output.split("typed").length).toBe(3);
  terminal.resize(90, 20);
  client.kill("SIGWINCH"); // as the kernel does for whom a terminal controls
  await sleep(500);
  terminal.write("\x03");
  expect(await client.exited).toBe(6);
  await eventually(async () => expect(output).toContain("20 90"));
}, 20_000);

test("a client that vanishes ends its program, and what that started", async () => {
  for (const size of [undefined, { rows: 24, cols: 80 }]) {
    const person = new Person();
    const ended = person.starts(["sh", "-c", "trap '' TERM HUP; echo begun; sleep 54321 | sleep 54322"], size);
    await person.sees("begun");
    expect(await processes()).toContain("sleep 54321");
    person.vanishes();
    await expect(ended).rejects.toThrow("the person went away");
    await eventually(async () => expect(await processes()).not.toContain("5432"));
  }
});

test("what is not there, or cannot be meant, is refused with its reason", async () => {
  expect((await exec(["nobody", "ls"])).stderr).toContain("cannot run a program in nobody: it does not run");
  expect((await exec(["../probe", "ls"])).stderr).toContain("the name of the container is none");
  expect(await exec(["probe"])).toMatchObject({ exitCode: 2 });
});

test("a plain GET is told that it takes a websocket, and a page of a browser is refused", async () => {
  const plain = await host.api.raw({ method: "GET", target: "/exec" });
  expect(plain).toMatchObject({ status: 426 });
  const upgrade = { connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13" };
  const headers = { ...upgrade, "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==" };
  const page = await host.api.raw({
    method: "GET",
    target: "/exec",
    headers: { ...headers, origin: "https://a.example" },
  });
  expect(page).toMatchObject({ status: 403 });
  const elsewhere = await host.api.raw({ method: "GET", target: "/os", headers });
  expect(elsewhere).toMatchObject({ status: 200 });
});

/** A client of its own making: what it is sent, and how it was closed. */
async function withSocket(talk: (client: WebSocket) => void, options: ClientOptions = {}) {
  const client = new WebSocket(`ws+unix://${host.socket}:/exec`, options);
  const texts: string[] = [];
  client.on("message", (data, isBinary) => void (isBinary ? undefined : texts.push(bytesOf(data).toString())));
  client.once("open", () => talk(client));
  const [code, reason] = await once(client, "close");
  return { texts, code: Number(code), reason: String(reason) };
}

test("connections that never name a program lock nobody out", async () => {
  // As many as there are places, and some that find none.
  const idle = Array.from({ length: 40 }, async () => await withSocket(() => undefined).catch(() => undefined));
  await eventually(async () => expect(await exec(["probe", "true"])).toMatchObject({ exitCode: 1 }));
  const closed = (await Promise.all(idle)).filter((end) => end !== undefined);
  expect(closed.length).toBeGreaterThan(20);
  for (const { code, reason } of closed) expect([code, reason]).toEqual([1008, "no program was named in time"]);
  expect(await exec(["probe", "true"])).toMatchObject({ exitCode: 0 });
});

test("who breaks the protocol is told with Bottlerocket's codes", async () => {
  const begin = initializeMessage("probe", ["sleep", "1000"], undefined);
  const { texts, ...first } = await withSocket((client) => client.send(Buffer.from("early")));
  expect(texts).toEqual(['{"Capacity":{"max_messages_outstanding":1024,"messages_written":0}}']);
  expect(first.code).toBe(1008);
  expect(await withSocket((client) => client.send('"ContentComplete"'))).toMatchObject({ code: 1008 });
  expect(await withSocket((client) => client.send("{"))).toMatchObject({ code: 1007 });
  expect(await withSocket((client) => client.send('{"Initialize":{}}'))).toMatchObject({ code: 1007 });
  expect(await withSocket((client) => client.send(Buffer.alloc(65 * 1024)))).toMatchObject({ code: 1009 });
  const twice = await withSocket((client) => {
    client.send(begin);
    client.send(begin);
  });
  expect(twice.code).toBe(1008);
  const greedy = await withSocket((client) => {
    client.send(begin);
    for (let message = 0; message < 1200; message++) client.send(Buffer.alloc(1024));
  });
  expect(greedy).toMatchObject({ code: 1009, reason: "more input came than capacity was given" });
  const bytes = await withSocket((client) =>
    client.send('{"Initialize":{"target":"probe","command":[{"Unix":[255]}],"tty":null}}'),
  );
  expect(bytes.code).toBe(1007);
  await eventually(async () => expect(await processes()).not.toContain("sleep 1000\n"));
});

test("capacity is told as input is written", async () => {
  const { texts, ...closed } = await withSocket((client) => {
    client.send(initializeMessage("probe", ["wc", "-c"], undefined));
    for (let message = 0; message < 300; message++) client.send(Buffer.from("x"));
    client.send(contentCompleteMessage);
  });
  expect(closed).toEqual({ code: 1000, reason: "0" });
  expect(texts.map((text) => readServerMessage(text)?.Capacity.messages_written)).toEqual([0, 128, 256]);
});

test("a client that does not answer is taken for gone, and its program ended", async () => {
  const talk = (client: WebSocket): void => client.send(initializeMessage("probe", ["sleep", "2468"], undefined));
  const beganMs = performance.now();
  expect(await withSocket(talk, { autoPong: false })).toMatchObject({ code: 1006 });
  expect(performance.now() - beganMs).toBeWithin(10_000, 16_000);
  await eventually(async () => expect(await processes()).not.toContain("sleep 2468"));
}, 30_000);

test("from elsewhere an administrator may run programs, nobody else, and not once the role is gone", async () => {
  const ours = await TestAuthority.make("ours");
  const [alice, bob] = [await ours.client({ names: ["alice"] }), await ours.client({ names: ["bob"] })];
  const port = 20_000 + (process.pid % 10_000);
  const set = async (roles: Record<string, string>): Promise<void> => {
    const remote = { enabled: true, port, "client-cas": { ours: ours.setting }, roles };
    await host.api.call("patchSettings", { body: { api: { remote } } });
    await host.api.commitAndWait({});
  };
  await set({ alice: "admin", bob: "operator" });
  const { fingerprint = "" } = (await host.api.call("getStatus")).remote;
  const as = (certificate: ClientCertificate) =>
    connect({ url: `https://127.0.0.1:${port}`, ...certificate, trust: { fingerprint } });
  let output = "";
  const program = (...command: string[]): ExecRequest => ({
    target: "probe",
    command,
    input: new Blob(["typed"]).stream(),
    output: async (bytes) => void (output += Buffer.from(bytes).toString()),
    signal: new AbortController().signal,
  });
  expect(await as(alice).exec(program("sh", "-c", "cat; exit 4"))).toBe(4);
  expect(output).toBe("typed");
  await expect(as(bob).exec(program("ls"))).rejects.toMatchObject({ status: 403, code: "forbidden" });
  const [newest] = await as(alice).call("getHistory", { query: { limit: 1 } });
  expect(newest).toMatchObject({
    by: { kind: "remote", subject: "alice" },
    exec: { command: ["sh", "-c", "cat; exit 4"] },
  });
  const [seen] = await as(bob).call("getHistory", { query: { limit: 1 } });
  expect(seen).toMatchObject({ exec: { command: ["sh", "(secret)"] } });

  const long = as(alice).exec(program("sleep", "3579"));
  await eventually(async () => expect(await processes()).toContain("sleep 3579"));
  // Handled from here on: it may be cut before the change has answered.
  const cut = long.then(
    () => "it ran to its end",
    (error: unknown) => String(error),
  );
  await set({ bob: "operator", alice: "read-only" });
  expect(await cut).toContain("may not run programs any more");
  await eventually(async () => expect(await processes()).not.toContain("sleep 3579"));
}, 30_000);

test("the history keeps who ran what and when, across a restart of the daemon", async () => {
  await exec(["probe", "echo", "for the record"]);
  await host.restart();
  const [newest] = await host.api.call("getHistory", { query: { limit: 1 } });
  expect(newest).toMatchObject({
    by: { kind: "socket", uid: 0, pid: process.pid },
    exec: { container: "probe", command: ["echo", "for the record"], terminal: false },
  });
  expect((await invoke(apiclient, ["-s", host.socket, "history", "-n", "1"])).stdout).toContain(
    'in probe: echo "for the record"',
  );
});

test("a daemon that stops ends its programs", async () => {
  const person = new Person();
  const ended = person.starts(["sleep", "65432"]);
  await eventually(async () => expect(await processes()).toContain("sleep 65432"));
  const restarted = host.restart();
  await expect(ended).rejects.toThrow("the daemon of the host stops");
  await restarted;
  expect(await processes()).not.toContain("sleep 65432");
});

test("a hundred programs leave nothing behind", async () => {
  const { root } = host.machine.system;
  const open = () => readdirSync("/proc/self/fd").length;
  const left = () => readdirSync(`${root}/run/orlop/exec/probe`);
  await exec(["probe", "true"]);
  await sleep(500);
  const before = open();
  for (let round = 0; round < 20; round++) {
    const codes = await Promise.all(
      [1, 2, 3, 4, 5].map(async (code) => await exec(["probe", "sh", "-c", `exit ${code}`])),
    );
    expect(codes).toEqual([1, 2, 3, 4, 5].map((exitCode) => ({ stdout: "", stderr: "", exitCode })));
  }
  await eventually(async () => expect(left()).toEqual([]));
  await eventually(async () => expect(open()).toBeLessThanOrEqual(before));
}, 120_000);
