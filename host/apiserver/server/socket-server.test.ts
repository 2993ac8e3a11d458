import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { connect } from "../../../api/client/client.ts";
import { listenOn } from "../../../test/worlds/host/listening-socket.ts";
import { runningHost } from "../../../test/worlds/host/running-host.ts";

test("who has the socket that systemd holds goes on to use it when the daemon is started again, and waits meanwhile", async () => {
  const directory = await mkdtemp(join(tmpdir(), "listening-"));
  const socket = join(directory, "api.sock");
  {
    using listening = listenOn(socket);
    await using host = await runningHost({ listening: { socket, duplicate: () => listening.duplicate() } });
    const { ino } = await stat(socket);
    await host.stop();
    const answer = connect({ socket }).call("getOs");
    expect(await Promise.race([answer, Bun.sleep(200)])).toBeUndefined();
    await host.restart();
    expect(await answer).toMatchObject({ variant_id: "dev" });
    expect((await stat(socket)).ino).toBe(ino);
  }
  await rm(directory, { recursive: true });
});
