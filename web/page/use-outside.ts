/** What lives outside of the page's own state, in the browser, and says by an event that it changed. */
import { useEffect, useState } from "preact/hooks";

export function useOutside<Value extends string | boolean>(
  target: EventTarget,
  event: string,
  read: () => Value,
): Value {
  const [value, setValue] = useState(read);
  useEffect(() => {
    const changed = (): void => setValue(read());
    target.addEventListener(event, changed);
    // An effect runs after the page is painted: somebody may have clicked between, when nobody listened yet.
    changed();
    return () => target.removeEventListener(event, changed);
  }, []);
  return value;
}
