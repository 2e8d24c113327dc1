"""Import and export of spreadsheets: a file is validated row by row, and stored whole or not at all."""
