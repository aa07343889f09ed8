// Who one is here, the look, and the end of the account.
import { EmailCard } from "@/components/account/email";
import { NameCard } from "@/components/account/name";
import { DeleteAccount } from "@/components/account/delete-account";
import { Appearance } from "@/components/settings/appearance";
import { Part } from "@/components/settings/part";

export default function ProfileSettings() {
  return (
    <Part title="Profile">
      <NameCard />
      <EmailCard />
      <Appearance />
      <DeleteAccount />
    </Part>
  );
}
