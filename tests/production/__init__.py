"""The production way: databases that begin empty, commands typed as the pages show them, processes of their own."""
