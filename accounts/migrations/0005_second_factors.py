"""An organization sees which of its people sign in with a second factor, and nothing else of how they sign in."""

from django.db import migrations

from tenancy.context import ASSIGNED_ROLE, PLATFORM_ROLE, TENANT_ROLE
from tenancy.isolation import CONTEXT_ORGANIZATION, DatabaseFunction

SECOND_FACTORS = f"""iam_second_factors() RETURNS TABLE (user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT m.user_id
    FROM roles_membership m
    WHERE m.organization_id = {CONTEXT_ORGANIZATION}
        AND EXISTS (SELECT FROM mfa_authenticator a WHERE a.user_id = m.user_id AND a.type IN ('totp', 'webauthn'))
$$"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_token_credentials")]

    operations = [
        DatabaseFunction(
            "iam_second_factors()", SECOND_FACTORS, door=PLATFORM_ROLE, callers=[TENANT_ROLE, ASSIGNED_ROLE]
        ),
    ]
