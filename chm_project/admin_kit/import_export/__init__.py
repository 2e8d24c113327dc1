"""Import and export of spreadsheets. Each row of a file is validated, then all rows are stored, or no row."""
