"""The schema `reporting`: views that the apps define in files, built after every `migrate`."""
