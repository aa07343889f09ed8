// The frame around every signed-in screen: skip link, navigation, the live state, and the place for the screen.
import { useQueryClient } from "@tanstack/react-query";
import { Menu as MenuIcon, Plus, WifiOff } from "lucide-react";
import { Suspense, useEffect, useRef, useState } from "react";
import { Link, Outlet, useLocation } from "react-router";
import { uploadStore } from "@/api/uploads";
import { useLive } from "@/lib/use-live";
import { Logo } from "./logo";
import { Sidebar } from "./sidebar";
import { Button, ButtonLink } from "./ui/button";
import { Dialog } from "./ui/dialog";
import { SkeletonRows } from "./ui/skeleton";

export function Shell() {
  const live = useLive();
  const client = useQueryClient();
  const [drawer, setDrawer] = useState(false);
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const screen = pathname.split("/")[1] ?? "";
  const first = useRef(true);

  useEffect(() => {
    uploadStore.whenStored(() => {
      void client.invalidateQueries({ queryKey: ["files"] });
      void client.invalidateQueries({ queryKey: ["samples"] });
    });
  }, [client]);

  // A new screen starts at its top, and a screen reader starts reading there.
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    window.scrollTo(0, 0);
    if (!main.current?.contains(document.activeElement))
      main.current?.focus({ preventScroll: true });
  }, [screen]);

  return (
    <div className="min-h-dvh lg:pl-64">
      <a
        href="#main"
        className="sr-only z-50 rounded-lg bg-custard px-4 py-2 font-semibold text-custard-ink focus:not-sr-only focus:fixed focus:top-3 focus:left-3"
      >
        Skip to the content
      </a>
      <aside className="fixed inset-y-0 left-0 hidden w-64 border-r border-line bg-surface/60 p-4 lg:block">
        <Sidebar />
      </aside>
      <header className="sticky top-0 z-30 flex h-14 items-center justify-between border-b border-line bg-canvas px-3 lg:hidden">
        <Button
          variant="ghost"
          size="icon"
          aria-label="Open the menu"
          aria-expanded={drawer}
          onClick={() => setDrawer(true)}
        >
          <MenuIcon aria-hidden />
        </Button>
        <Link to="/" aria-label="Dashboard">
          <Logo />
        </Link>
        <ButtonLink to="/ask" variant="ghost" size="icon" aria-label="Ask a new question">
          <Plus aria-hidden />
        </ButtonLink>
      </header>
      <Dialog open={drawer} onOpenChange={setDrawer} title="Menu" side>
        <Sidebar onGo={() => setDrawer(false)} />
      </Dialog>
      <main id="main" ref={main} tabIndex={-1} className="outline-none">
        <Suspense
          fallback={
            <div className="mx-auto max-w-5xl p-6">
              <SkeletonRows count={4} />
            </div>
          }
        >
          <Outlet />
        </Suspense>
      </main>
      {live === "lost" && (
        <p
          role="status"
          className="fixed bottom-4 left-1/2 z-40 flex -translate-x-1/2 animate-rise items-center gap-2 rounded-full border border-line bg-surface px-4 py-2 text-sm shadow-high lg:left-68 lg:translate-x-0"
        >
          <WifiOff className="size-4 text-warn" aria-hidden />
          No live updates. Connecting again…
        </p>
      )}
    </div>
  );
}
