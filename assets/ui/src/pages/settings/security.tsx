// What keeps one's account safe: password, second factor, sessions.
import { PasswordCard } from "@/components/account/password";
import { SecondFactorCard } from "@/components/account/second-factor";
import { Sessions } from "@/components/account/sessions";
import { Part } from "@/components/settings/part";

export default function SecuritySettings() {
  return (
    <Part title="Security">
      <PasswordCard />
      <SecondFactorCard />
      <Sessions />
    </Part>
  );
}
