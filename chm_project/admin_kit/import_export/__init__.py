"""Import and export of spreadsheets. An import stores all rows of a file, or no row if one of them is invalid."""
