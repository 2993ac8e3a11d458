export const userdataGroups = { userdata: "User data: checked, and made from files of other tools" } as const;
