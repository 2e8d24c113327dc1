-- Whether the whole inventory is in the caller's scope.
({all_clients} AND {all_kinds})
