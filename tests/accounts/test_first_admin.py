from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as Browser

from accounts.models import User
from audit.models import AccessRecord
from roles.actors import RoleActor, resolve
from tests.factories import on_platform
from tests.world import make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ASSIGN-1")]


def create(email: str = "first@iam.example") -> str:
    said = StringIO()
    call_command("create_super_admin", email, name="First Person", stdout=said)
    return said.getvalue()


def test_the_first_super_admin_may_do_everything_on_the_platform() -> None:
    create()
    with on_platform():
        user = User.objects.get(email="first@iam.example")
    actor = resolve(user.pk)
    assert isinstance(actor, RoleActor)
    assert actor.has("super:*")


def test_the_printed_link_opens_a_page_that_sets_the_password() -> None:
    link = create().split()[-1]
    page = Browser().get(link, follow=True)
    assert page.status_code == 200
    assert b'type="password"' in page.content


def test_a_second_one_is_refused() -> None:
    make_staff("super-admin")
    with pytest.raises(CommandError, match="There is a super admin already"):
        create()


def test_an_unusable_address_is_refused_and_nothing_is_made() -> None:
    with pytest.raises(CommandError, match="valid email"):
        create("nobody")
    with on_platform():
        assert not User.objects.filter(email="nobody").exists()


def test_it_is_recorded() -> None:
    create()
    with on_platform():
        assert AccessRecord.objects.filter(operation="create_first_super_admin").count() == 1
