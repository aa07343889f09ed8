// Takes the place of the package react-style-singleton (see vite.config.ts), which dialogs and menus use to lock the
// page's scrolling: it writes <style> elements, and the content policy allows nothing inline. Sheets made by script are
// allowed.
import { useEffect } from "react";

/** One sheet, there for as long as anybody wants it; the first one's words hold. */
export function stylesheetSingleton() {
  let wanted = 0;
  let sheet: CSSStyleSheet | null = null;
  return {
    add(css: string) {
      wanted += 1;
      if (sheet) return;
      sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    },
    remove() {
      wanted -= 1;
      if (wanted > 0) return;
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
      sheet = null;
    },
  };
}

export function styleHookSingleton() {
  const sheet = stylesheetSingleton();
  return function useStyle(styles: string, dynamic?: boolean) {
    const version = dynamic ? styles : "";
    useEffect(() => {
      sheet.add(styles);
      return () => sheet.remove();
      // eslint-disable-next-line react-hooks/exhaustive-deps -- only a dynamic style may change, as in the original
    }, [version]);
  };
}

export function styleSingleton() {
  const useStyle = styleHookSingleton();
  return function Sheet({ styles, dynamic }: { styles: string; dynamic?: boolean }) {
    useStyle(styles, dynamic);
    return null;
  };
}
