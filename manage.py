#!/usr/bin/env python
"""Django's command line. ``manage.py test`` runs pytest, with settings of its own."""

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    settings = "tests.settings" if sys.argv[1:2] == ["test"] else "beton.settings"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
