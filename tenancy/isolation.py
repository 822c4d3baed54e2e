"""Migration operations that put a table under row-level security and tie its references to one organization.

The rule: a row is visible when its organization is the one in the context, and, for an actor with assigned reach, when
its client is among those assigned. The policies are given to one PostgreSQL role each (organization, assigned,
platform), so none of them needs an OR, which would defeat the planner. With no role entered no policy applies, and
PostgreSQL shows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tenancy.context import ASSIGNED_ROLE, PLATFORM_ROLE, TENANT_ROLE

APP_ROLE = "iam_app"
OWNER_ROLE = "iam_owner"
CONTEXT_ORGANIZATION = "(SELECT nullif(current_setting('app.organization_id', true), '')::uuid)"
CONTEXT_USER = "(SELECT nullif(current_setting('app.user_id', true), '')::uuid)"
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE")


class Rights(StrEnum):
    """What one PostgreSQL role may do with the rows that its policy shows."""

    NONE = ""
    READ = "SELECT"
    ADD = "INSERT"
    APPEND = "SELECT, INSERT"
    WRITE = "SELECT, INSERT, UPDATE, DELETE"

    @property
    def verbs(self) -> tuple[str, ...]:
        return tuple(self.split(", ")) if self else ()


class SchemaOperation(Operation):
    """An operation on tables that leaves the state of the models as it is."""

    reduces_to_sql = True
    reversible = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change no model."""

    def table(self, app_label: str, model: str, state: ProjectState) -> str:
        label = model if "." in model else f"{app_label}.{model}"
        return str(state.apps.get_model(label)._meta.db_table)

    def forward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        raise NotImplementedError

    def backward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        raise NotImplementedError

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        for statement in self.forward_sql(app_label, to_state):
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        for statement in self.backward_sql(app_label, from_state):
            schema_editor.execute(statement, params=None)


class Isolate(SchemaOperation):
    """Put the table of `model` under row-level security, for its owner too.

    `rule` is the condition on a row in an organization's context; the default compares `organization_id`.
    `read_rule` replaces it for reading (built-in roles, say), `insert_rule` for inserting.
    `assigned_rule` narrows it further for an actor with assigned reach, `assigned_change_rule` for what it changes,
    `assigned_insert_rule` for what it inserts. `platform` says what platform staff may do, with the rows that
    `platform_rule` shows them, `app` and `app_rule` what is possible before anyone is known.
    `replaces` is how the table was open before, which comes back when the migration is taken back.
    """

    def __init__(
        self,
        model: str,
        *,
        rule: str = f"organization_id = {CONTEXT_ORGANIZATION}",
        read_rule: str | None = None,
        insert_rule: str | None = None,
        assigned_rule: str | None = None,
        assigned_change_rule: str | None = None,
        assigned_insert_rule: str | None = None,
        tenant: Rights = Rights.WRITE,
        assigned: Rights | None = None,
        platform: Rights = Rights.NONE,
        platform_rule: str = "true",
        app: Rights = Rights.NONE,
        app_rule: str = "true",
        replaces: Open | None = None,
    ) -> None:
        self.model = model
        self.rule = rule
        self.read_rule = read_rule
        self.insert_rule = insert_rule
        self.assigned_rule = assigned_rule
        self.assigned_change_rule = assigned_change_rule
        self.assigned_insert_rule = assigned_insert_rule
        self.tenant = tenant
        self.assigned = assigned
        self.platform = platform
        self.platform_rule = platform_rule
        self.app = app
        self.app_rule = app_rule
        self.replaces = replaces

    def describe(self) -> str:
        return f"Isolate the rows of {self.model} by organization"

    def forward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        table = self.table(app_label, self.model, state)
        statements = [
            f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
            f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
            # Row policies show the login role nothing; the privilege makes that an empty answer, not an error.
            f'GRANT SELECT ON "{table}" TO {APP_ROLE}',
        ]
        assigned = self.tenant if self.assigned is None else self.assigned
        granted = {TENANT_ROLE: self.tenant, ASSIGNED_ROLE: assigned, PLATFORM_ROLE: self.platform, APP_ROLE: self.app}
        for role, rights in granted.items():
            if rights.verbs:
                statements.append(f'GRANT {rights} ON "{table}" TO {role}')
            statements += [self._policy(table, role, verb) for verb in rights.verbs]
        return statements

    def backward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        table = self.table(app_label, self.model, state)
        roles = (TENANT_ROLE, ASSIGNED_ROLE, PLATFORM_ROLE, APP_ROLE)
        return [
            *(f'DROP POLICY IF EXISTS "{_policy_name(role, verb)}" ON "{table}"' for role in roles for verb in VERBS),
            f'REVOKE ALL ON "{table}" FROM {", ".join(roles)}',
            f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY',
            f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY',
            *(self.replaces.forward_sql(app_label, state) if self.replaces else ()),
        ]

    def _policy(self, table: str, role: str, verb: str) -> str:
        condition = self._condition(role, verb)
        clauses = {
            "SELECT": f"USING ({condition})",
            "INSERT": f"WITH CHECK ({condition})",
            "UPDATE": f"USING ({condition}) WITH CHECK ({condition})",
            "DELETE": f"USING ({condition})",
        }
        return f'CREATE POLICY "{_policy_name(role, verb)}" ON "{table}" FOR {verb} TO {role} {clauses[verb]}'

    def _condition(self, role: str, verb: str) -> str:
        if role == PLATFORM_ROLE:
            return self.platform_rule
        if role == APP_ROLE:
            return self.app_rule
        replaced = {"SELECT": self.read_rule, "INSERT": self.insert_rule}.get(verb)
        narrowing = self._narrowing(verb) if role == ASSIGNED_ROLE else None
        return " AND ".join(f"({part})" for part in (replaced or self.rule, narrowing) if part)

    def _narrowing(self, verb: str) -> str | None:
        if verb == "SELECT":
            return self.assigned_rule
        if verb == "INSERT" and self.assigned_insert_rule:
            return self.assigned_insert_rule
        return self.assigned_change_rule or self.assigned_rule


def _policy_name(role: str, verb: str) -> str:
    return f"{role}_{verb.lower()}"


class TieToOrganization(SchemaOperation):
    """Make a reference hold within one organization: (organization, column) → (organization, target column).

    PostgreSQL checks foreign keys without row-level security, so a plain one would accept, and so confirm, the id of
    another organization's row. The target needs a unique constraint on the pair.
    """

    def __init__(
        self, model: str, column: str, to: str, *, to_column: str = "id", on_delete: str = "NO ACTION"
    ) -> None:
        self.model = model
        self.column = column
        self.to = to
        self.to_column = to_column
        self.on_delete = on_delete

    def describe(self) -> str:
        return f"Tie {self.model}.{self.column} to a {self.to} of the same organization"

    def forward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        table = self.table(app_label, self.model, state)
        target = self.table(app_label, self.to, state)
        return [
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{self._name(table)}" FOREIGN KEY (organization_id, {self.column})'
            f' REFERENCES "{target}" (organization_id, {self.to_column}) ON DELETE {self.on_delete}'
            " DEFERRABLE INITIALLY DEFERRED"
        ]

    def backward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        table = self.table(app_label, self.model, state)
        return [f'ALTER TABLE "{table}" DROP CONSTRAINT "{self._name(table)}"']

    def _name(self, table: str) -> str:
        return f"{table}_{self.column}_same_org"


class Open(SchemaOperation):
    """Grant rights on a table that holds nothing of any organization (sessions, content types, the catalogue)."""

    def __init__(self, model: str, *, app: Rights = Rights.READ, acting: Rights = Rights.READ) -> None:
        self.model = model
        self.app = app
        self.acting = acting

    def describe(self) -> str:
        return f"Open the table of {self.model}"

    def forward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        return open_table_sql(self.table(app_label, self.model, state), self.app, self.acting)

    def backward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        table = self.table(app_label, self.model, state)
        return [f'REVOKE ALL ON "{table}" FROM {APP_ROLE}, {TENANT_ROLE}, {ASSIGNED_ROLE}, {PLATFORM_ROLE}']


def open_table_sql(table: str, app: Rights, acting: Rights) -> list[str]:
    """Return the statements that grant `app` to the login role and `acting` to the three context roles."""
    statements = []
    if app:
        statements.append(f'GRANT {app} ON "{table}" TO {APP_ROLE}')
    if acting:
        statements.append(f'GRANT {acting} ON "{table}" TO {TENANT_ROLE}, {ASSIGNED_ROLE}, {PLATFORM_ROLE}')
    return statements


class Trigger(SchemaOperation):
    """Run a trigger function for each statement on the table of `model`, with the changed rows as table `changed`.

    An update calls it twice, with the rows as they were and as they are.
    """

    def __init__(self, name: str, model: str, function: str, *, events: Sequence[str] = VERBS[1:]) -> None:
        self.name = name
        self.model = model
        self.function = function
        self.events = events

    def describe(self) -> str:
        return f"Call {self.function} when {self.model} changes"

    def forward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        table = self.table(app_label, self.model, state)
        return [
            f'CREATE TRIGGER "{self.name}_{event.lower()}_{rows.lower()}" AFTER {event} ON "{table}"'
            f" REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION {self.function}()"
            for event, rows in self._variants()
        ]

    def backward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        table = self.table(app_label, self.model, state)
        return [
            f'DROP TRIGGER "{self.name}_{event.lower()}_{rows.lower()}" ON "{table}"'
            for event, rows in self._variants()
        ]

    def _variants(self) -> list[tuple[str, str]]:
        rows = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}
        return [(event, which) for event in self.events for which in rows[event]]


class RowTrigger(SchemaOperation):
    """Run a trigger function before each row of `model` that is inserted or updated."""

    def __init__(self, name: str, model: str, function: str) -> None:
        self.name = name
        self.model = model
        self.function = function

    def describe(self) -> str:
        return f"Call {self.function} before a row of {self.model} is written"

    def forward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        table = self.table(app_label, self.model, state)
        return [
            f'CREATE TRIGGER "{self.name}" BEFORE INSERT OR UPDATE ON "{table}"'
            f" FOR EACH ROW EXECUTE FUNCTION {self.function}()"
        ]

    def backward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        return [f'DROP TRIGGER "{self.name}" ON "{self.table(app_label, self.model, state)}"']


class DatabaseFunction(SchemaOperation):
    """Create a function, or replace it: the body that it `replaces` comes back when the migration is taken back.

    `door` names a PostgreSQL role that owns it and, with SECURITY DEFINER in the body, lends it its sight: a narrow
    opening in the isolation, each one written out in a migration.
    """

    def __init__(
        self,
        signature: str,
        body: str,
        *,
        door: str | None = None,
        callers: Sequence[str] = (APP_ROLE, TENANT_ROLE, ASSIGNED_ROLE, PLATFORM_ROLE),
        replaces: str | None = None,
    ) -> None:
        self.signature = signature
        self.body = body
        self.door = door
        self.callers = callers
        self.replaces = replaces

    def describe(self) -> str:
        return f"{'Replace' if self.replaces else 'Create'} the function {self.signature}"

    def forward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        return self._with_body(self.body)

    def backward_sql(self, app_label: str, state: ProjectState) -> Sequence[str]:
        if self.replaces:
            return self._with_body(self.replaces)
        return self._as_door([f"DROP FUNCTION IF EXISTS {self.signature}"])

    def _with_body(self, body: str) -> list[str]:
        statements = [
            f"CREATE OR REPLACE FUNCTION {body}",
            f"REVOKE ALL ON FUNCTION {self.signature} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {self.signature} TO {', '.join((*self.callers, OWNER_ROLE))}",
        ]
        return self._as_door(statements)

    def _as_door(self, statements: list[str]) -> list[str]:
        if self.door is None:
            return statements
        return [
            f"GRANT CREATE ON SCHEMA public TO {self.door}",
            f"SET LOCAL ROLE {self.door}",
            *statements,
            "RESET ROLE",
            f"REVOKE CREATE ON SCHEMA public FROM {self.door}",
        ]
