# A Django project without a folder: makes its database, users of every hasher, groups and permissions, and exports them as
# a project would. Run: export.py FOLDER PASSWORD; writes FOLDER/by-number.json and FOLDER/by-name.json.
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

folder, password = Path(sys.argv[1]), sys.argv[2]
algorithms = {
    "pbkdf2_sha256": "PBKDF2PasswordHasher",
    "argon2": "Argon2PasswordHasher",
    "bcrypt_sha256": "BCryptSHA256PasswordHasher",
    "scrypt": "ScryptPasswordHasher",
}
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "db.sqlite3"}},
    PASSWORD_HASHERS=[f"django.contrib.auth.hashers.{name}" for name in algorithms.values()],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import Group, Permission, User  # noqa: E402

call_command("migrate", verbosity=0)
permission = {each.codename: each for each in Permission.objects.all()}
editors, readers = Group.objects.create(name="Editors"), Group.objects.create(name="Readers of all")
editors.permissions.set([permission["add_user"], permission["change_user"]])
readers.permissions.set([permission["view_user"]])
for algorithm in algorithms:
    email = f"{algorithm}@example.com"
    user = User.objects.create(username=algorithm, email=email, first_name="Ann", last_name=algorithm, password=make_password(password, hasher=algorithm))
    user.groups.set([editors, readers] if algorithm == "argon2" else [readers])
    if algorithm == "scrypt":
        user.user_permissions.set([permission["delete_group"]])
User.objects.create_user("nobody", "nobody@example.com")

call_command("dumpdata", "auth", output=folder / "by-number.json", verbosity=0)
call_command("dumpdata", "auth", "contenttypes", natural_foreign=True, output=folder / "by-name.json", verbosity=0)
