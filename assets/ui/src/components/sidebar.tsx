// The way around: the screens, the recent conversations, and who is signed in.
import { useQuery } from "@tanstack/react-query";
import {
  BookMarked,
  Cable,
  FileSpreadsheet,
  FlaskConical,
  LayoutDashboard,
  LogOut,
  MessageCircleQuestion,
  Monitor,
  Moon,
  Plus,
  Settings,
  Sun,
  type LucideIcon,
} from "lucide-react";
import { Link, NavLink } from "react-router";
import { conversationsQuery } from "@/api/queries";
import { session } from "@/api/session";
import type { Role } from "@/api/types";
import { cn } from "@/lib/cn";
import { plural } from "@/lib/format";
import { atLeast, useAtLeast } from "@/lib/rights";
import { chooseTheme, useThemeChoice } from "@/lib/theme";
import { useUser } from "@/lib/use-session";
import { useSuggestions } from "@/lib/use-suggestions";
import { Logo } from "./logo";
import { Badge } from "./ui/badge";
import { Button } from "./ui/button";

const screens: readonly { to: string; label: string; icon: LucideIcon; least?: Role }[] = [
  { to: "/", label: "Dashboard", icon: LayoutDashboard },
  { to: "/ask", label: "Ask", icon: MessageCircleQuestion },
  { to: "/files", label: "Files", icon: FileSpreadsheet },
  { to: "/connections", label: "Connections", icon: Cable },
  { to: "/knowledge", label: "Knowledge", icon: BookMarked },
  { to: "/evaluations", label: "Evaluations", icon: FlaskConical, least: "admin" },
  { to: "/settings", label: "Settings", icon: Settings },
];

const itemStyle =
  "flex items-center gap-3 rounded-lg px-3 text-ink-soft transition-colors hover:bg-sunken hover:text-ink focus-visible:rounded-lg";

/** How many suggestions wait for somebody's approval, for those who may give it. */
function Waiting() {
  const mayApprove = useAtLeast("analyst");
  const suggestions = useSuggestions(mayApprove);
  if (!mayApprove || suggestions === 0) return null;
  return (
    <Badge
      tone="berry"
      className="ml-auto"
      title={`${plural(suggestions, "suggestion")} to approve`}
    >
      {suggestions}
    </Badge>
  );
}

export function Sidebar({ onGo }: { onGo?: () => void }) {
  const user = useUser();
  const allowed = screens.filter(({ least }) => !least || atLeast(user.role, least));
  return (
    <div className="flex h-full min-h-0 flex-col">
      <Link to="/" onClick={onGo} className="mb-5 px-2 focus-visible:rounded-lg">
        <Logo />
      </Link>
      <nav aria-label="Main">
        <ul className="space-y-0.5">
          {allowed.map(({ to, label, icon: Icon }) => (
            <li key={to}>
              <NavLink
                to={to}
                end={to === "/"}
                onClick={onGo}
                className={({ isActive }) =>
                  cn(
                    itemStyle,
                    "h-10 font-semibold",
                    isActive && "bg-custard-soft text-ink hover:bg-custard-soft",
                  )
                }
              >
                <Icon className="size-4.5" aria-hidden />
                {label}
                {to === "/knowledge" && <Waiting />}
              </NavLink>
            </li>
          ))}
        </ul>
      </nav>
      <Recent onGo={onGo} />
      <div className="mt-auto flex items-center gap-1 border-t border-line pt-3">
        <Link
          to="/settings"
          onClick={onGo}
          className="min-w-0 flex-1 rounded-lg px-2 py-1 hover:bg-sunken"
          title={user.email}
        >
          <span className="block truncate text-sm font-semibold">{user.name || user.email}</span>
          <span className="block truncate text-xs text-ink-soft">{user.organization.name}</span>
        </Link>
        <ThemeButton />
        <Button
          variant="ghost"
          size="icon"
          aria-label="Sign out"
          title="Sign out"
          onClick={() => void session.signOut()}
        >
          <LogOut aria-hidden />
        </Button>
      </div>
    </div>
  );
}

function Recent({ onGo }: { onGo?: () => void }) {
  const conversations = useQuery(conversationsQuery);
  const recent = conversations.data ?? [];
  if (recent.length === 0) return <div className="flex-1" />;
  return (
    <nav aria-label="Recent conversations" className="mt-6 flex min-h-0 flex-1 flex-col">
      <div className="flex items-center justify-between pr-1 pl-3">
        <h2 className="font-sans text-xs font-semibold tracking-normal text-ink-faint">
          Recent conversations
        </h2>
        <Link
          to="/ask"
          onClick={onGo}
          aria-label="New conversation"
          title="New conversation"
          className="grid size-7 place-items-center rounded-md text-ink-soft hover:bg-sunken hover:text-ink"
        >
          <Plus className="size-4" aria-hidden />
        </Link>
      </div>
      <ul className="mt-1 min-h-0 flex-1 overflow-y-auto pb-2">
        {recent.map((conversation) => (
          <li key={conversation.id}>
            <NavLink
              to={`/ask/${conversation.id}`}
              onClick={onGo}
              title={conversation.title}
              className={({ isActive }) =>
                cn(itemStyle, "h-8 text-sm", isActive && "bg-sunken text-ink")
              }
            >
              <span className="truncate">{conversation.title}</span>
            </NavLink>
          </li>
        ))}
      </ul>
    </nav>
  );
}

const themes = {
  system: { icon: Monitor, label: "Theme: as the system", next: "light" },
  light: { icon: Sun, label: "Theme: light", next: "dark" },
  dark: { icon: Moon, label: "Theme: dark", next: "system" },
} as const;

function ThemeButton() {
  const { icon: Icon, label, next } = themes[useThemeChoice()];
  return (
    <Button
      variant="ghost"
      size="icon"
      aria-label={`${label}. Change to ${next}`}
      title={label}
      onClick={() => chooseTheme(next)}
    >
      <Icon aria-hidden />
    </Button>
  );
}
