1 -> Notify["a"]
notify { "a": }
