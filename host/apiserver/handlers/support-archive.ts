/** The support archive: its unit makes it, the answer is its file. */
import { endpoints } from "../../../api/endpoints/contract.ts";
import { isPresent } from "../../../lib/files/files.ts";
import { Failure } from "../../../lib/failure.ts";
import { Place } from "../../../lib/place.ts";
import { archivePath } from "../../logdog/archive.ts";
import { hostPath } from "../../machine/system.ts";
import { actOnUnit, UnitFailure } from "../../machine/unit.ts";
import type { ApiContext } from "../context.ts";
import { FileAnswer } from "../server/reply.ts";
import type { Handlers } from "../handler.ts";

/** The unit's own limit, and a little: what it says then is the better reason. */
const archiveMs = 610_000;

export function supportArchiveHandlers({ system }: ApiContext): Handlers<"supportArchive"> {
  const place = new Place<"archive">(
    () => new Failure("support-archive-busy", "cannot make a support archive: one is being made for somebody else"),
  );
  return {
    async supportArchive({ signal }) {
      using _work = place.acquire("archive");
      // The unit takes an old one away first. This program may not write there.
      const [unit, path] = ["logdog.service", hostPath(system, archivePath)];
      await actOnUnit(system, "start", unit, { limitMs: archiveMs, signal: signal() });
      if (!(await isPresent(path))) {
        throw new UnitFailure(unit, `cannot fetch the support archive: ${unit} ended without one`, "", undefined);
      }
      return await FileAnswer.open(path, endpoints.supportArchive.download);
    },
  };
}
