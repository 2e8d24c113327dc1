-- The names of the clients of a group of rows (failure), such as "Acme, Borealis, Contoso and 2 more".
array_to_string((array_agg(DISTINCT failure.client_name ORDER BY failure.client_name))[1:3], ', ')
    || CASE
        WHEN count(DISTINCT failure.client_name) > 3 THEN ' and ' || count(DISTINCT failure.client_name) - 3 || ' more'
        ELSE ''
    END
