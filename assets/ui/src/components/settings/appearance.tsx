// Light, dark, or as the system.
import { Monitor, Moon, Sun } from "lucide-react";
import { Card, CardHead } from "@/components/ui/card";
import { Segmented } from "@/components/ui/tabs";
import { chooseTheme, useThemeChoice } from "@/lib/theme";

export function Appearance() {
  const choice = useThemeChoice();
  return (
    <Card aria-labelledby="appearance">
      <CardHead
        id="appearance"
        title="Appearance"
        note="Kept in this browser."
        action={
          <Segmented
            label="Theme"
            value={choice}
            onChange={chooseTheme}
            options={[
              { value: "system", label: "System", icon: <Monitor aria-hidden /> },
              { value: "light", label: "Light", icon: <Sun aria-hidden /> },
              { value: "dark", label: "Dark", icon: <Moon aria-hidden /> },
            ]}
          />
        }
      />
      <div className="h-1" />
    </Card>
  );
}
