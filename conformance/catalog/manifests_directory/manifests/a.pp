$a = 1
notify { "a": }
