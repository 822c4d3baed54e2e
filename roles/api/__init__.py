"""The REST face of roles and permissions: `platform_patterns` below /api/admin/, `org_patterns` below
an organization."""

from roles.api.urls import org_patterns, platform_patterns

__all__ = ["org_patterns", "platform_patterns"]
