-- Whether the caller includes the whole inventory.
({all_clients} AND {all_kinds})
