/** A machine whose secrets are known: its logs and its journal are read and written without them. */
import { explain, Failure } from "../../lib/failure.ts";
import type { System } from "../machine/system.ts";
import type { Masker } from "./masker.ts";

export function maskedSystem(system: System, mask: Masker): System {
  const { log } = system;
  return {
    ...system,
    mask,
    log: {
      info: (message) => log.info(mask(message)),
      error: (message, error) => log.error(mask(message), new Failure("internal", mask(explain(error)))),
    },
  };
}
