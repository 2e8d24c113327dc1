-- The names of the clients of a group of rows (found): the first three, and how many more.
array_to_string((array_agg(DISTINCT found.client_name ORDER BY found.client_name))[1:3], ', ')
    || CASE
        WHEN count(DISTINCT found.client_name) > 3 THEN ' and ' || count(DISTINCT found.client_name) - 3 || ' more'
        ELSE ''
    END
