/** The view of the host as a signal of Preact: parts come as events, and whatever shows them is drawn anew. */
import { useEffect, useState } from "preact/hooks";
import type { Catalogue, ConsoleView } from "../view.ts";

/** Undefined while nothing has come. `lost` says that this page has no connection to the program that serves it. */
export function useConsoleView(): { view: ConsoleView; lost: boolean } {
  const [view, setView] = useState<ConsoleView>({});
  const [lost, setLost] = useState(false);
  useEffect(() => {
    let events: EventSource | undefined;
    const open = (): void => {
      events = new EventSource("events");
      events.onopen = () => setLost(false);
      events.onerror = () => setLost(true);
      events.onmessage = ({ data }: MessageEvent<string>) => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `server/feed.ts` sends
        const part = JSON.parse(data) as Partial<ConsoleView>;
        setView((before) => ({ ...before, ...part }));
      };
    };
    // Nobody looks at a page that is hidden, so the host is not asked for it.
    const seen = (): void => {
      events?.close();
      events = undefined;
      if (!document.hidden) open();
    };
    seen();
    document.addEventListener("visibilitychange", seen);
    return () => {
      document.removeEventListener("visibilitychange", seen);
      events?.close();
    };
  }, []);
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

/** The time, each second, for what is counted down. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
