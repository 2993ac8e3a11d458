/** The page of a fleet on the loopback of a laptop. */
import { LoopbackServer } from "../../web/server/loopback-server.ts";
import { pageFiles } from "../../web/server/page-files.ts";
import { FleetConsole, type FleetVisitor } from "./fleet-console.ts";
import { fleetPage } from "./fleet-page.ts";
import type { FleetSource } from "./fleet-source.ts";

/** @param program how it was started: "orlop fleet console" */
export async function openFleetConsole(
  source: FleetSource,
  { program, mayWrite, port }: { program: string; mayWrite: boolean; port: number },
): Promise<LoopbackServer> {
  const fleet = new FleetConsole(source);
  const hindrance =
    source.stop === undefined
      ? "hosts outside of clusters have no roll-out that could be stopped"
      : mayWrite
        ? undefined
        : `this page only looks: \`${program} --write\` opens one that may stop the fleet`;
  const viewer = { name: "you", ...(hindrance === undefined ? {} : { hindrance }) };
  // What is written has the rights, and the name, of whoever started the program.
  const visitor: FleetVisitor = { name: undefined, viewer: async () => viewer };
  return await LoopbackServer.open(
    {
      program,
      files: await pageFiles(fleetPage),
      answer: async (inside, stop) => await fleet.answer(inside, visitor, stop),
    },
    port,
  );
}
