-- True if the caller does not restrict the inventory.
({all_clients} AND {all_kinds})
