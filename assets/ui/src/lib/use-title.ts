// Sets the page's title while a screen is shown.
import { useEffect } from "react";

export function useTitle(title: string) {
  useEffect(() => {
    document.title = title ? `${title} · Clean Custard` : "Clean Custard";
  }, [title]);
}
