"""A process that passes a point it was told of dies there, once; and nowhere but in a local stack."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from choptym.lib.failpoints import TAKEN, UNNAMED

BEGIN = "import django; django.setup(); from choptym.lib.failpoints import *; from django.db import connection\n"


def run(directory: Path | str, code: str, *, is_local: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "choptym.settings",
        "FAILPOINTS_DIR": str(directory),
        "PROCESS_ROLE": "nobody",
        "LOCAL_STACK": str(is_local),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "localhost",
    }
    command = [sys.executable, "-c", BEGIN + code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_it_dies_once(tmp_path: Path) -> None:
    code = "failpoint('here', 'before'); print('alive')"
    (tmp_path / "here.before").touch()

    first, second = run(tmp_path, code), run(tmp_path, code)

    assert (first.returncode, first.stdout) == (-signal.SIGKILL, "")
    assert (tmp_path / f"here.before{TAKEN}").read_text().startswith("nobody ")
    assert (second.returncode, second.stdout) == (0, "alive\n")


# The database is there still when tests are run again.
TABLE = """
connection.cursor().execute('DROP TABLE IF EXISTS {0}')
connection.cursor().execute('CREATE TABLE {0} (n int)')
"""
WRITE = "connection.cursor().execute('INSERT INTO {0} VALUES (1)')"
COUNT = "cursor = connection.cursor(); cursor.execute('SELECT count(*) FROM {0}'); print(cursor.fetchone()[0])"


@pytest.mark.parametrize(("moment", "kept"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("word", ["committing", "around"])
def test_it_dies_before_or_after_the_commit(tmp_path: Path, word: str, moment: str, kept: int) -> None:
    table = f"failpoint_{word}_{moment}"
    (tmp_path / f"name.{moment}").touch()
    told = "from django.db import transaction\n"
    hook = "    transaction.on_commit(lambda: print('told', flush=True))\n" if word == "committing" else ""
    code = f"{told}{TABLE}with {word}('name'):\n{hook}    {WRITE}\n".replace("{0}", table)

    died = run(tmp_path, code)

    assert (died.returncode, died.stdout) == (-signal.SIGKILL, "")
    assert run(tmp_path, COUNT.replace("{0}", table)).stdout == f"{kept}\n"


MODELS = f"""
from pathlib import Path
from django.conf import settings
from django.db import models, transaction

class Owner(models.Model):
    n = models.IntegerField(unique=True)
    Meta = type("Meta", (), {{"app_label": "auth", "db_table": "failpoint_owner"}})

class Part(models.Model):
    owner = models.ForeignKey(Owner, models.CASCADE)
    Meta = type("Meta", (), {{"app_label": "auth", "db_table": "failpoint_part"}})

connection.cursor().execute('DROP TABLE IF EXISTS failpoint_part, failpoint_owner')
with connection.schema_editor() as editor:
    editor.create_model(Owner)
    editor.create_model(Part)
one = Owner.objects.create(n=1)
Part.objects.create(owner=one)
notes = Path(settings.FAILPOINTS_DIR, {UNNAMED!r})

def look(said):
    print(said, ":", "noted" if notes.exists() else "named")
    notes.unlink(missing_ok=True)

look("create")
"""
WITHOUT_A_NAME = {
    "by itself": "Owner.objects.update(n=1)",
    "in SQL": "connection.cursor().execute('INSERT INTO failpoint_owner (n) VALUES (7)')",
    "a transaction": "with transaction.atomic(): Owner.objects.filter(n=1).update(n=1)",
    "a durable one": "with transaction.atomic(durable=True): Owner.objects.filter(n=1).update(n=1)",
    "decorated": "transaction.atomic(Owner.objects.filter(n=1).update)(n=1)",
    "bulk_create": "Owner.objects.bulk_create([Owner(n=2)])",
    "bulk_update": "one.n = 1; Owner.objects.bulk_update([one], ['n'])",
    "get_or_create": "Owner.objects.get_or_create(n=3)",
    "update_or_create": "Owner.objects.update_or_create(n=3, defaults={'n': 4})",
    "delete with its parts": "Owner.objects.filter(n=1).delete()",
    "switched off": "transaction.set_autocommit(False); Owner.objects.filter(n=2).update(n=5); transaction.commit(); "
    "transaction.set_autocommit(True)",
    "after the commit": "with committing('x'): transaction.on_commit(lambda: Owner.objects.filter(n=2).update(n=2))",
}
WITH_A_NAME = {
    "committing": "with committing('y'): Owner.objects.filter(n=5).update(n=5)",
    "around": "with around('z'): Owner.objects.filter(n=5).update(n=5)",
    "commits": "commits('z')(Owner.objects.bulk_create)([Owner(n=6)])",
    "a transaction in one that has a name": "with committing('y'):\n    with transaction.atomic(): Owner(n=8).save()",
    "reading": "Owner.objects.get_or_create(n=5)",
}


def test_what_is_written_without_a_name_is_noted(tmp_path: Path) -> None:
    acts = {**WITHOUT_A_NAME, **WITH_A_NAME}

    looked = run(tmp_path, MODELS + "".join(f"{act}\nlook({said!r})\n" for said, act in acts.items()))

    assert looked.returncode == 0, looked.stderr
    expected = ["create : noted", *(f"{said} : noted" for said in WITHOUT_A_NAME)]
    assert looked.stdout.splitlines() == [*expected, *(f"{said} : named" for said in WITH_A_NAME)]


def test_elsewhere_the_settings_refuse(tmp_path: Path) -> None:
    refused = run(tmp_path, "print('alive')", is_local=False)

    assert refused.returncode == 1
    assert "FAILPOINTS_DIR is set, and this is no local stack" in refused.stderr
