from drf_spectacular.openapi import AutoSchema


class ProblemAutoSchema(AutoSchema):  # type: ignore[misc]
    """The OpenAPI description of our views."""
