"""Where the decision point is, told to anybody by configuration, whatever host was asked (AuthZEN 1.0, section 9)."""

from __future__ import annotations

import msgspec

PATH = "/.well-known/authzen-configuration"
EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
SEARCH_SUBJECT = "/access/v1/search/subject"
SEARCH_RESOURCE = "/access/v1/search/resource"
SEARCH_ACTION = "/access/v1/search/action"


def configuration(base_url: str) -> bytes:
    """Return the metadata of the decision point at `base_url`, which has no slash at its end, as JSON."""
    return msgspec.json.encode(
        {
            "policy_decision_point": base_url,
            "access_evaluation_endpoint": base_url + EVALUATION,
            "access_evaluations_endpoint": base_url + EVALUATIONS,
            "search_subject_endpoint": base_url + SEARCH_SUBJECT,
            "search_resource_endpoint": base_url + SEARCH_RESOURCE,
            "search_action_endpoint": base_url + SEARCH_ACTION,
        }
    )
