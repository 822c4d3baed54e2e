"""System checks of the roles."""
