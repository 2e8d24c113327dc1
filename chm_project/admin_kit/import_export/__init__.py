"""Import and export of spreadsheets. An import stores all rows of a file. If a row is invalid, it stores no row."""
