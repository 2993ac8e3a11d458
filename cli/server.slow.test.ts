import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { invoke } from "../lib/command/command-line.ts";
import { orlop } from "./main.ts";

test("a detached server serves when its command returns, is there once, and ends when it is told to", async () => {
  const directory = await mkdtemp(join(tmpdir(), "serve-"));
  const at = (name: string): string => join(directory, name);
  const repo = async (...words: string[]) => await invoke(await orlop(["repo"]), ["repo", ...words]);
  try {
    for (const key of ["root.pem", "publication.pem"]) await repo("key", "generate", at(key));
    await repo("init", at("updates"), "--root-key", at("root.pem"), "--key", at("publication.pem"));
    const { stdout, exitCode } = await repo("serve", at("updates"), "--detach");
    const url = /at (http:\S+)$/.exec(stdout.trim())?.[1] ?? "";
    try {
      expect({ stdout, exitCode }).toMatchObject({
        stdout: expect.stringMatching(/^serving \S+ at http:/),
        exitCode: 0,
      });
      expect((await fetch(new URL("root/1.root.json", url))).status).toBe(200);
      expect(await repo("serve", at("updates"), "--detach")).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining("it is served already: serving"),
      });
    } finally {
      expect(await repo("serve", at("updates"), "--stop")).toMatchObject({ stdout: "it has ended\n", exitCode: 0 });
    }
    await expect(fetch(url)).rejects.toThrow();
    expect(await repo("serve", at("updates"), "--stop")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("--detach` serves it"),
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("what cannot serve ends with the reason", async () => {
  const directory = await mkdtemp(join(tmpdir(), "serve-"));
  const occupant = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const repo = async (...words: string[]) => await invoke(await orlop(["repo"]), ["repo", ...words]);
  const at = (name: string): string => join(directory, name);
  try {
    for (const key of ["root.pem", "publication.pem"]) await repo("key", "generate", at(key));
    await repo("init", at("updates"), "--root-key", at("root.pem"), "--key", at("publication.pem"));
    expect(await repo("serve", at("updates"), "--port", String(occupant.port), "--detach")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("cannot serve: it ended with 1:"),
    });
  } finally {
    await occupant.stop(true);
    await rm(directory, { recursive: true });
  }
});
