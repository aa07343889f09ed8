// Who one is here, and the look.
import { NameCard } from "@/components/account/name";
import { Appearance } from "@/components/settings/appearance";
import { Part } from "@/components/settings/part";

export default function ProfileSettings() {
  return (
    <Part title="Profile">
      <NameCard />
      <Appearance />
    </Part>
  );
}
