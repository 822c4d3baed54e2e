"""The API of members, invitations and tokens: `org_patterns` below an organization, `platform_patterns` below
`/api/admin/`."""

from accounts.api.urls import org_patterns, platform_patterns

__all__ = ["org_patterns", "platform_patterns"]
