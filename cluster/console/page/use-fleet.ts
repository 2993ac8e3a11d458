/** The fleet as a state of Preact: however many updates come, it is drawn once for each frame. */
import { useRef, useState } from "preact/hooks";
import { useEvents } from "../../../web/page/use-events.ts";
import { useNow } from "../../../web/page/use-now.ts";
import type { FleetUpdate } from "../fleet-update.ts";
import { fleetNow, FleetStore, nothingKnown, type ShownFleet } from "./fleet-store.ts";

/** `lost` says that this page has no connection to the program that serves it. */
export function useFleet(): { fleet: ShownFleet; lost: boolean } {
  const [fleet, setFleet] = useState<ShownFleet>(nothingKnown);
  const { current: store } = useRef(new FleetStore());
  const { current: drawing } = useRef({ isDue: false });
  const lost = useEvents(
    (data) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `fleet-feed.ts` sends
      store.take(JSON.parse(data) as FleetUpdate, Date.now());
      if (drawing.isDue) return;
      drawing.isDue = true;
      requestAnimationFrame(() => {
        drawing.isDue = false;
        setFleet(store.state);
      });
    },
    () => store.begin(),
  );
  return { fleet, lost };
}

/** The fleet's time, for what is counted down. */
export function useFleetNow(fleet: ShownFleet): number {
  return fleetNow(fleet, useNow());
}
