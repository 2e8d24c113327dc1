-- Whether a row (p) of the inventory is in the caller's scope; a null parameter does not restrict it.
{client_in_scope}
AND {kind_in_scope}
