"""Every page of an organization, room by room: the same under /o/<slug>/ and on a custom domain."""

from accounts.urls import org_patterns as account_patterns
from agents.urls import org_patterns as agent_patterns
from clients.urls import org_patterns as client_patterns

org_patterns = [*account_patterns, *client_patterns, *agent_patterns]
