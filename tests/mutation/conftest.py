"""The script is a command and holds no doctests: there is nothing to collect in it."""

collect_ignore = ["mutate.py"]
