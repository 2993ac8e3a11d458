/** The view of the host as a signal of Preact: parts come as events, and whatever shows them is drawn anew. */
import { useEffect, useState } from "preact/hooks";
import { useEvents } from "../../web/page/use-events.ts";
import type { Catalogue, ConsoleView } from "../view.ts";

/** `lost` says that this page has no connection to the program that serves it. */
export function useConsoleView(): { view: ConsoleView; lost: boolean } {
  const [view, setView] = useState<ConsoleView>({});
  const lost = useEvents((data) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `server/feed.ts` sends
    const part = JSON.parse(data) as Partial<ConsoleView>;
    setView((before) => ({ ...before, ...part }));
  });
  return { view, lost };
}

/** Every setting that the host has, with its type and meaning; undefined until it has come. */
export function useCatalogue(): Catalogue | undefined {
  const [catalogue, setCatalogue] = useState<Catalogue>();
  useEffect(() => {
    void fetch("catalogue.json")
      .then(async (response) => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `server/console-server.ts` sends
        setCatalogue((await response.json()) as Catalogue);
      })
      .catch(() => setCatalogue([]));
  }, []);
  return catalogue;
}
