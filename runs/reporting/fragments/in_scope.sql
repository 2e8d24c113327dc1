-- Whether a row (p) of the inventory is in the caller's scope. A parameter that is null does not restrict the scope.
{client_in_scope}
AND {kind_in_scope}
