"""Row-level security of clients by organization and by reach, references that stay within one organization, and the
words that search reads."""

from django.db import migrations

from tenancy.context import TENANT_ROLE
from tenancy.isolation import (
    CONTEXT_USER,
    DatabaseFunction,
    Isolate,
    Rights,
    RowTrigger,
    TieToOrganization,
    Trigger,
)

WORKSPACES = ("Contact", "Campaign", "Document", "Task", "Note", "Invoice", "Connection")
ASSIGNED = f"(SELECT client_id FROM clients_clientgrant WHERE user_id = {CONTEXT_USER})"
CHANGEABLE = (
    f"(SELECT client_id FROM clients_clientgrant WHERE user_id = {CONTEXT_USER}"
    " AND permission_id = (SELECT iam_change_client_permission()))"
)

CHANGE_PERMISSION = """iam_change_client_permission() RETURNS integer LANGUAGE sql STABLE
SET search_path = public, pg_temp AS $$
    SELECT p.id FROM auth_permission p JOIN django_content_type c ON c.id = p.content_type_id
    WHERE c.app_label = 'clients' AND c.model = 'client' AND p.codename = 'change_client'
$$"""

GRANT_ORGANIZATION = """iam_grant_takes_organization() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.organization_id IS NULL THEN
        SELECT organization_id INTO NEW.organization_id FROM clients_client WHERE id = NEW.client_id;
    END IF;
    RETURN NEW;
END $$"""

# Who creates a client with assigned reach is assigned to it in the same statement, or they would never see it.
CREATOR = """iam_assign_creator() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF current_setting('role') = 'iam_assigned' THEN
        INSERT INTO clients_clientgrant (organization_id, client_id, user_id, permission_id, created_at)
        SELECT organization_id, id, current_setting('app.user_id')::uuid, iam_change_client_permission(), now()
        FROM changed;
    END IF;
    RETURN NULL;
END $$"""

# NFKD and no combining marks, so that "Müller" is found by "muller"; kept alike in clients.search.
WORDS = """iam_words(source text) RETURNS SETOF varchar LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT left(word, 60)::varchar
    FROM regexp_split_to_table(
        lower(regexp_replace(normalize(source, NFKD), U&'[\\0300-\\036F]', '', 'g')), '[^[:alnum:]]+'
    ) AS word
    WHERE word <> ''
$$"""

INDEX_WORDS = """iam_index_client_words() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO clients_clientword (organization_id, client_id, word)
    SELECT c.organization_id, c.id, w
    FROM changed c, iam_words(concat_ws(' ', c.name, c.website, c.email, c.city, c.external_id)) w
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$"""

REINDEX_WORDS = """iam_reindex_client_words() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    WITH renamed AS (
        SELECT c.* FROM changed c JOIN was ON was.id = c.id
        WHERE (c.name, c.website, c.email, c.city, c.external_id)
            IS DISTINCT FROM (was.name, was.website, was.email, was.city, was.external_id)
    ), wanted AS (
        SELECT r.organization_id, r.id AS client_id, w AS word
        FROM renamed r, iam_words(concat_ws(' ', r.name, r.website, r.email, r.city, r.external_id)) w
    ), gone AS (
        DELETE FROM clients_clientword k USING renamed r
        WHERE k.organization_id = r.organization_id AND k.client_id = r.id
            AND NOT EXISTS (SELECT FROM wanted n WHERE n.client_id = k.client_id AND n.word = k.word)
    )
    INSERT INTO clients_clientword (organization_id, client_id, word)
    SELECT organization_id, client_id, word FROM wanted ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$"""


class Migration(migrations.Migration):
    dependencies = [("clients", "0001_initial"), ("accounts", "0003_isolation")]

    operations = [
        DatabaseFunction("iam_change_client_permission()", CHANGE_PERMISSION),
        Isolate(
            "ClientGrant",
            assigned=Rights.READ,
            assigned_rule=f"user_id = {CONTEXT_USER}",
        ),
        Isolate(
            "Client",
            assigned_rule=f"id IN {ASSIGNED}",
            assigned_change_rule=f"id IN {CHANGEABLE}",
            assigned_insert_rule="true",
        ),
        Isolate("ClientWord", assigned=Rights.READ, assigned_rule=f"client_id IN {ASSIGNED}"),
        *(
            Isolate(
                model,
                assigned_rule=f"client_id IN {ASSIGNED}",
                assigned_change_rule=f"client_id IN {CHANGEABLE}",
            )
            for model in WORKSPACES
        ),
        migrations.RunSQL("GRANT USAGE ON SEQUENCE clients_clientgrant_id_seq TO iam_tenant", migrations.RunSQL.noop),
        TieToOrganization("ClientGrant", "client_id", "Client", on_delete="CASCADE"),
        TieToOrganization("ClientGrant", "user_id", "roles.Membership", to_column="user_id", on_delete="CASCADE"),
        TieToOrganization("ClientWord", "client_id", "Client", on_delete="CASCADE"),
        *(TieToOrganization(model, "client_id", "Client") for model in WORKSPACES),
        TieToOrganization("Task", "assignee_id", "roles.Membership", on_delete="SET NULL (assignee_id)"),
        DatabaseFunction("iam_grant_takes_organization()", GRANT_ORGANIZATION, callers=[TENANT_ROLE]),
        DatabaseFunction("iam_assign_creator()", CREATOR, door=TENANT_ROLE, callers=[]),
        DatabaseFunction("iam_words(text)", WORDS),
        DatabaseFunction("iam_index_client_words()", INDEX_WORDS, door=TENANT_ROLE, callers=[]),
        DatabaseFunction("iam_reindex_client_words()", REINDEX_WORDS, door=TENANT_ROLE, callers=[]),
        RowTrigger("take_organization", "ClientGrant", "iam_grant_takes_organization"),
        Trigger("a_assign_creator", "Client", "iam_assign_creator", events=("INSERT",)),
        Trigger("b_index_words", "Client", "iam_index_client_words", events=("INSERT",)),
        migrations.RunSQL(
            "CREATE TRIGGER b_reindex_words AFTER UPDATE ON clients_client"
            " REFERENCING OLD TABLE AS was NEW TABLE AS changed"
            " FOR EACH STATEMENT EXECUTE FUNCTION iam_reindex_client_words()",
            "DROP TRIGGER b_reindex_words ON clients_client",
        ),
        Trigger("bump_version", "ClientGrant", "iam_bump_version"),
    ]
