"""The organization pages of this room: the way in, and the people."""
