/** Every service of ours is confined, or says in its file why it is not. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { openToolsRoot, runTool } from "../packages/tools-root.ts";
import { osDirectory } from "./os-content.ts";

/** The scale of `systemd-analyze security`, from 0 (nothing is exposed) to 10. */
const mostExposed = 3;
const services = [...new Bun.Glob("**/*.service").scanSync({ cwd: osDirectory, absolute: true })].toSorted();

test("every service is at 3.0 or better, or tells why it is exposed", async () => {
  expect(services.length).toBeGreaterThan(0);
  const tools = await openToolsRoot();
  const unexplained: string[] = [];
  for (const path of services) {
    const { stdout } = await runTool(tools, ["systemd-analyze", "security", "--offline=yes", "--no-pager", path], {
      readOnlyBinds: [osDirectory],
    });
    const level = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
    const isExplained = /^# Exposed: /m.test(await readFile(path, "utf8"));
    // A level that cannot be read is no better than a bad one.
    if (!(level <= mostExposed) && !isExplained) unexplained.push(`${basename(path)}: ${level}`);
  }
  expect(unexplained).toEqual([]);
}, 120_000);
