// The frame of the settings: their own navigation beside the chosen part.
import {
  Building2,
  ChartColumn,
  Cpu,
  Gauge,
  KeyRound,
  ScrollText,
  ShieldCheck,
  UserRound,
  Users,
  type LucideIcon,
} from "lucide-react";
import { Suspense, useEffect, useRef } from "react";
import { NavLink, Outlet, useLocation } from "react-router";
import type { Role } from "@/api/types";
import { SkeletonRows } from "@/components/ui/skeleton";
import { cn } from "@/lib/cn";
import { atLeast } from "@/lib/rights";
import { useUser } from "@/lib/use-session";

interface Part {
  to: string;
  label: string;
  icon: LucideIcon;
  least?: Role;
}

const groups: readonly { title: string; parts: readonly Part[] }[] = [
  {
    title: "You",
    parts: [
      { to: "/settings", label: "Profile", icon: UserRound },
      { to: "/settings/security", label: "Security", icon: ShieldCheck },
      { to: "/settings/tokens", label: "API tokens", icon: KeyRound },
      { to: "/settings/usage", label: "Usage", icon: ChartColumn },
    ],
  },
  {
    title: "Organisation",
    parts: [
      { to: "/settings/organization", label: "Organisation", icon: Building2, least: "owner" },
      { to: "/settings/members", label: "Members", icon: Users, least: "admin" },
      { to: "/settings/audit", label: "Audit", icon: ScrollText, least: "admin" },
    ],
  },
  {
    title: "Server",
    parts: [
      { to: "/settings/translator", label: "Translator", icon: Cpu },
      { to: "/settings/system", label: "System", icon: Gauge },
    ],
  },
];

export default function SettingsLayout() {
  const { role } = useUser();
  const { pathname } = useLocation();
  const list = useRef<HTMLElement>(null);

  // On a phone the parts stand in one line; the present one has to be in sight.
  useEffect(() => {
    const current = list.current?.querySelector<HTMLElement>("[aria-current=page]");
    current?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [pathname]);

  return (
    <div className="mx-auto w-full max-w-6xl px-4 pt-6 pb-16 sm:px-8 sm:pt-9">
      <h1 className="mb-5 text-[1.75rem]">Settings</h1>
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-x-8 gap-y-5 md:grid-cols-[11rem_minmax(0,1fr)]">
        <nav
          ref={list}
          aria-label="Settings"
          className="relative flex gap-1 max-md:-mx-4 max-md:overflow-x-auto max-md:px-4 max-md:pb-1 md:sticky md:top-6 md:flex-col"
        >
          {groups.map(({ title, parts }) => {
            const allowed = parts.filter(({ least }) => !least || atLeast(role, least));
            if (allowed.length === 0) return null;
            return (
              <div key={title} className="md:mb-4">
                <p
                  id={`group-${title}`}
                  className="mb-1 px-3 text-xs font-semibold text-ink-faint max-md:sr-only"
                >
                  {title}
                </p>
                <ul
                  aria-labelledby={`group-${title}`}
                  className="flex gap-1 md:flex-col md:gap-0.5"
                >
                  {allowed.map(({ to, label, icon: Icon }) => (
                    <li key={to}>
                      <NavLink
                        to={to}
                        end
                        className={({ isActive }) =>
                          cn(
                            "flex h-9 items-center gap-2.5 rounded-lg px-3 text-sm font-semibold whitespace-nowrap text-ink-soft transition-colors hover:bg-sunken hover:text-ink focus-visible:rounded-lg",
                            "max-md:border max-md:border-line",
                            isActive
                              ? "bg-custard-soft text-ink hover:bg-custard-soft"
                              : "max-md:bg-surface",
                          )
                        }
                      >
                        <Icon className="size-4 max-md:hidden" aria-hidden />
                        {label}
                      </NavLink>
                    </li>
                  ))}
                </ul>
              </div>
            );
          })}
        </nav>
        <div className="min-w-0">
          <Suspense fallback={<SkeletonRows count={3} className="h-28" />}>
            <Outlet />
          </Suspense>
        </div>
      </div>
    </div>
  );
}
