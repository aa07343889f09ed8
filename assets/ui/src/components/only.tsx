// Keeps a screen for those whose role it is for; others learn whom to ask.
import { Lock } from "lucide-react";
import type { ReactNode } from "react";
import type { Role } from "@/api/types";
import { useAtLeast } from "@/lib/rights";
import { ButtonLink } from "./ui/button";
import { Card } from "./ui/card";
import { Empty } from "./ui/notice";

interface OnlyProps {
  least: Role;
  children: ReactNode;
}

export function Only({ least, children }: OnlyProps) {
  if (useAtLeast(least)) return children;
  return (
    <Card>
      <Empty
        icon={Lock}
        title={least === "owner" ? "This is for owners" : "This is for owners and admins"}
        action={<ButtonLink to="/settings">Go to your profile</ButtonLink>}
      >
        Your role does not include it. If you need it, ask an owner of your organisation to change
        your role.
      </Empty>
    </Card>
  );
}
