import { expect, test } from "bun:test";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { invoke } from "../../../../lib/command/command-line.ts";
import { eventually } from "../../../../test/eventually.ts";
import { runningHost } from "../../../../test/worlds/host/running-host.ts";
import { testRepository } from "../../../../test/worlds/update/update-repository.ts";
import { shippedRootPath } from "../../../update/fetch/trusted-repository.ts";
import { apiclient } from "../../apiclient.ts";

test("a command that the daemon was restarted under has failed, and who waits for it is told", async () => {
  await using host = await runningHost();
  await using repository = await testRepository(new Date("2026-01-01T00:00:00Z"));
  await host.machine.write(shippedRootPath, repository.rootJson);
  await utimes(join(host.machine.system.root, "usr/lib/os-release"), 0, 0);
  const requested = Promise.withResolvers<void>();
  using mirror = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async ({ signal }) => {
      requested.resolve();
      const gone = Promise.withResolvers<Response>();
      signal.addEventListener("abort", () => gone.resolve(new Response()), { once: true });
      return await gone.promise;
    },
  });
  const url = mirror.url.href;
  await host.api.call("patchSettings", { body: { updates: { "metadata-base-url": url, "targets-base-url": url } } });
  await host.api.commitAndWait({});

  const checking = invoke(apiclient, ["-s", host.socket, "update", "check"]);
  await requested.promise;
  await host.restart();
  const { stderr, exitCode } = await checking;
  expect({ stderr, exitCode }).toEqual({
    stderr: expect.stringContaining("cannot refresh the update: interrupted: the host's daemon ended"),
    exitCode: 1,
  });
  await eventually(async () =>
    expect((await host.api.call("getUpdateStatus", {})).most_recent_command).toMatchObject({
      cmd_type: "refresh",
      cmd_status: "Failed",
      exit_status: 1,
    }),
  );
}, 30_000);
