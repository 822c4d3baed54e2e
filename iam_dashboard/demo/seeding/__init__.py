"""The demo world written into the database, and who may sign in to it.

Everything is written as the application's own role, within the contexts that isolation asks for: what could not be
seeded so could not be used either.
"""

from iam_dashboard.demo.seeding.errors import SeedingError
from iam_dashboard.demo.seeding.people_file import DemoPerson, KeptAccess, read_people_file, write_people_file
from iam_dashboard.demo.seeding.world import seed

__all__ = ["DemoPerson", "KeptAccess", "SeedingError", "read_people_file", "seed", "write_people_file"]
