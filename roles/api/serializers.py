"""Roles as JSON: read whole, written by the fields that a person may set."""

from __future__ import annotations

from itertools import chain
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from roles import catalogue
from roles.actions.create import new_role
from roles.api.references import RoleSummary
from roles.family import Family, family_of
from roles.icons import ICONS
from roles.inheritance import held_permissions
from roles.models import REACHES, SCOPES, Membership, Role
from tenancy.actors import Scope
from tenancy.api.serializers import KeyField, StrictInput, StrictSerializer

MOST_KEYS = 300
MOST_PEOPLE = 1000
KEPT = ("id", "parent_name", "is_system", "people", "version", "created_at", "updated_at")
SETTABLE = (
    "name",
    "display_name",
    "description",
    "priority",
    "parent",
    "color",
    "icon",
    "reach",
    "is_active",
    "requires_second_factor",
)


class RoleListed(RoleSummary):
    """A role with its place and how many people have it, as far as the caller may know of them."""

    parent = serializers.UUIDField(source="parent_id", read_only=True, allow_null=True)  # type: ignore[assignment]
    parent_name = serializers.CharField(source="parent.name", read_only=True, allow_null=True, default=None)
    people = serializers.IntegerField(read_only=True)

    class Meta(RoleSummary.Meta):
        fields = [
            *RoleSummary.Meta.fields,
            "description",
            "scope",
            "organization",
            "parent",
            "parent_name",
            "requires_second_factor",
            "people",
            "version",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class RoleSource(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    display_name = serializers.CharField()


class Held(serializers.Serializer[Any]):
    """A permission that is in force for a role, and the role it comes from: itself, or one it inherits from."""

    key = serializers.CharField(source="permission.key")
    name = serializers.CharField(source="permission.name")
    category = serializers.CharField(source="permission.category")
    source = RoleSource()  # type: ignore[assignment]


@extend_schema_field({"type": "string", "format": "permission", "maxLength": 100})
class KeyOfCatalogue(serializers.CharField):
    """A permission of the catalogue, or of an application: which of these there are, the action says."""

    default_error_messages = {"unknown": "There is no such permission."}

    def to_internal_value(self, data: Any) -> str:
        key: str = super().to_internal_value(data)
        if key not in catalogue.entries() and not catalogue.is_application_key(key):
            self.fail("unknown")
        return key


class OwnPermissions(serializers.ListField):
    """The keys that a role itself was given, whether or not it is active."""

    child = KeyOfCatalogue(max_length=100)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=MOST_KEYS, help_text="The role's own keys.", **kwargs)

    def get_attribute(self, instance: Role) -> list[str]:
        described: Any = self.parent
        family: Family = described.family
        return catalogue.in_order(family.members[instance.pk].own)


class RoleDetail(StrictSerializer):
    """A role with its own and its inherited permissions, each naming the role it comes from."""

    parent = KeyField(  # type: ignore[assignment]
        required=False, allow_null=True, help_text="A role of the same scope and organization, or a shared one."
    )
    parent_name = serializers.SerializerMethodField()
    priority = serializers.IntegerField(required=False, min_value=0, max_value=100)
    reach = serializers.ChoiceField(
        REACHES, required=False, allow_null=True, help_text="Which clients a tenant role reaches; null on the platform."
    )
    icon = serializers.ChoiceField(tuple(ICONS.items()), required=False)
    permissions = OwnPermissions()
    own_permissions = serializers.SerializerMethodField(help_text="Those in force: an inactive role has none.")
    inherited_permissions = serializers.SerializerMethodField()
    people = serializers.SerializerMethodField(help_text="How many have it, as far as the caller may know of them.")

    class Meta:
        model = Role
        fields: tuple[str, ...] = (
            *KEPT,
            "scope",
            "organization",
            *SETTABLE,
            "permissions",
            "own_permissions",
            "inherited_permissions",
        )
        read_only_fields: tuple[str, ...] = ("scope", "organization", *KEPT)

    def left_out(self) -> dict[str, Any]:
        """Return what a new role has in the fields that were not sent."""
        return new_role(Scope(self.context["view"].role().scope))

    def to_representation(self, instance: Role) -> Any:
        self.family = family_of(None, instance.pk)
        self.held = list(chain.from_iterable(held_permissions(instance, self.family).values()))
        return super().to_representation(instance)

    def get_parent_name(self, role: Role) -> str | None:
        parent = self.family.members.get(role.parent_id) if role.parent_id else None
        return parent.name if parent else None

    @extend_schema_field(Held(many=True))
    def get_own_permissions(self, role: Role) -> Any:
        return Held([held for held in self.held if not held.is_inherited], many=True).data

    @extend_schema_field(Held(many=True))
    def get_inherited_permissions(self, role: Role) -> Any:
        return Held([held for held in self.held if held.is_inherited], many=True).data

    def get_people(self, role: Role) -> int:
        return Membership.objects.visible_to(self.context["request"].actor).filter(role=role).count()


class People(serializers.ListField):
    """People by the ids of their users, which are not those of their memberships."""

    child = serializers.UUIDField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MOST_PEOPLE, help_text="Ids of users, not of memberships.", **kwargs)


class NewTeamRole(RoleDetail):
    """A new role of the organization."""

    users = People(required=False, write_only=True)

    class Meta(RoleDetail.Meta):
        fields = (*RoleDetail.Meta.fields, "users")


class NewRole(NewTeamRole):
    """A new role of the platform, of one organization, or shared by all organizations."""

    scope = serializers.ChoiceField(SCOPES)
    organization = KeyField(
        required=False, allow_null=True, help_text="Whose a tenant role is; without it, all organizations share it."
    )

    class Meta(NewTeamRole.Meta):
        read_only_fields = KEPT


class RoleClone(RoleDetail):
    """Clone the role. What is left out is as in the original; without a name it is named after it."""

    action = serializers.ChoiceField(["clone"], write_only=True)

    class Meta(RoleDetail.Meta):
        fields = ("action", *RoleDetail.Meta.fields)
        extra_kwargs = {name: {"required": False} for name in ("name", "display_name")}


class RoleRestoration(StrictInput):
    """Make the role what it was after one of its events."""

    action = serializers.ChoiceField(["restore"])
    event = serializers.UUIDField(help_text="The id of an event of its history.")
