"""System checks that refuse a mis-wired project."""
