-- The caller's restriction of the inventory (p); a null parameter does not restrict.
{client_in_scope}
AND {kind_in_scope}
