notify { "a": }
notify { "a": }
