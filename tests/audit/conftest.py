from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from knox.models import AuthToken

from accounts.models import ApiToken
from tests.factories import inside


@pytest.fixture
def token_of() -> Callable[[Any, Any], str]:
    """Return what makes an API token of a user in an organization."""

    def make(user: Any, organization: Any) -> str:
        with inside(organization):
            credential, secret = AuthToken.objects.create(user=user)
            ApiToken.objects.create(credential=credential, user=user, organization=organization, name="Test")
        return str(secret)

    return make
