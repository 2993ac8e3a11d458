/** Server-sent events, as long as somebody looks at the page: one that is hidden asks for nothing. */
import { useEffect, useState } from "preact/hooks";

/**
 * @param receive each event's data; not changed while the page lives
 * @param begin a stream begins: what is known so far comes again
 * @returns whether this page has lost the program that serves it
 */
export function useEvents(receive: (data: string) => void, begin: () => void = () => undefined): boolean {
  const [lost, setLost] = useState(false);
  useEffect(() => {
    let events: EventSource | undefined;
    const open = (): void => {
      events = new EventSource("events");
      events.onopen = () => {
        begin();
        setLost(false);
      };
      events.onerror = () => setLost(true);
      events.onmessage = ({ data }: MessageEvent<string>) => receive(data);
    };
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
  return lost;
}
