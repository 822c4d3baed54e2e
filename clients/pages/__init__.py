"""The organization pages of this room: home, clients and their workspaces, who works for whom, and inviting."""
