/** Which view is shown: the part behind "#/" of the address, so that a view can be kept as a bookmark and gone back to. */
import { useEffect, useState } from "preact/hooks";

/** @param read what of the address is meant; its answer is a text, or the same object for the same text */
export function useRoute<Route>(read: (hash: string) => Route): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = (): void => setHash(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return read(hash);
}
