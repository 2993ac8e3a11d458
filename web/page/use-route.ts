/** Which view is shown: the part behind "#/" of the address, so that a view can be kept as a bookmark and gone back to. */
import { useOutside } from "./use-outside.ts";

/** @param read what of the address is meant; its answer is a text, or the same object for the same text */
export function useRoute<Route>(read: (hash: string) => Route): Route {
  return read(useOutside(window, "hashchange", () => location.hash));
}
