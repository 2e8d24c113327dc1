"""Clients and pipelines from spreadsheets and back: files are judged row by row, and stored whole or not at all."""
