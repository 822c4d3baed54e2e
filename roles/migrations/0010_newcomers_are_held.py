"""Hold a person who comes into an organization until the membership is committed.

Whoever bans them at the same time, or takes their second factor, waits until then, finds the membership and tells the
organization; or is waited for, and the membership is read with what they did.
"""

from importlib import import_module

from django.db import migrations

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import DatabaseFunction

# The role is held, too: one who is deleting it waits, and then finds it in use.
MEMBERSHIP_FITS = """iam_membership_fits() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    held roles_role;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM accounts_user WHERE id = NEW.user_id FOR NO KEY UPDATE;
    END IF;
    SELECT * INTO held FROM roles_role WHERE id = NEW.role_id FOR KEY SHARE;
    IF held.id IS NULL OR (held.scope = 'PLATFORM') IS DISTINCT FROM (NEW.organization_id IS NULL)
       OR (held.organization_id IS NOT NULL AND held.organization_id IS DISTINCT FROM NEW.organization_id) THEN
        RAISE check_violation USING MESSAGE = 'The role belongs to another scope or another organization.',
            CONSTRAINT = 'roles_membership_role_fits';
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.user_id, NEW.organization_id) IS DISTINCT FROM (OLD.user_id, OLD.organization_id) THEN
        RAISE check_violation USING MESSAGE = 'A membership keeps its person and its organization.',
            CONSTRAINT = 'roles_membership_keeps_place';
    END IF;
    RETURN NEW;
END $$"""


class Migration(migrations.Migration):
    dependencies = [("roles", "0009_versions_by_index")]

    operations = [
        DatabaseFunction(
            "iam_membership_fits()",
            MEMBERSHIP_FITS,
            door=PLATFORM_ROLE,
            callers=[],
            replaces=import_module("roles.migrations.0004_events_isolation").MEMBERSHIP_FITS,
        ),
    ]
