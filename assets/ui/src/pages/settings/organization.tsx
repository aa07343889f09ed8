// What an owner decides for the organisation.
import { Only } from "@/components/only";
import { OrganizationName } from "@/components/organization/name";
import { PreferencesCards } from "@/components/organization/preferences";
import { Part } from "@/components/settings/part";

export default function OrganizationSettings() {
  return (
    <Part title="Organisation">
      <Only least="owner">
        <OrganizationName />
        <PreferencesCards />
      </Only>
    </Part>
  );
}
