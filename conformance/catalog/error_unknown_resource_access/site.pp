notice(Notify["a"]["message"])
